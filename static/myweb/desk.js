/* Saves what is typed by itself, and shows it beside the form. Without this, the buttons do all that matters. */
"use strict"
{
  const REST = 3 // seconds without typing, after which it is saved
  const RETRY = 10 // seconds after which it is tried again
  const PATIENCE = 10 // seconds in which the site has to answer before a form is sent to it
  const MOST = 10_000_000 // bytes without files: what Nginx and Django take at once
  const MOST_KEPT_ALIVE = 60_000 // bytes that browsers go on sending when a page is left (64 KiB)

  const desk = document.querySelector(".desk")
  const form = desk?.closest("form")
  const state = form?.querySelector(".desk-state")
  const field = (name) => form.elements.namedItem(name)

  const say = (text, link) => {
    // A screen reader says what is there again only if it was gone.
    if (state.textContent === text) {
      state.replaceChildren()
      setTimeout(() => state.textContent || say(text, link), 100)
      return
    }
    state.replaceChildren(text)
    if (link) {
      const a = Object.assign(document.createElement("a"), { href: link.url, textContent: link.text, target: link.target ?? "" })
      state.append(" ", a)
    }
  }

  let timer
  let sending = null
  let saved = null // what was sent last, or what the form was opened with
  let isLeaving = false

  let isAsked = false // by the browser, whether to leave
  const isGoing = () => isAsked || document.visibilityState === "hidden"

  // Of what is typed; files are sent by themselves.
  const snapshot = () => {
    const entries = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !/^_|^csrf|-id$/.test(name))
    return JSON.stringify(entries)
  }

  const isDirty = () => saved !== null && snapshot() !== saved

  const schedule = (seconds) => {
    clearTimeout(timer)
    timer = setTimeout(save, seconds * 1000)
  }

  const touched = () => {
    if (saved === null) return
    isLeaving = false // who goes on typing may have stopped the browser
    schedule(REST)
    preview.update()
  }

  const save = async () => {
    // Who leaves cannot wait for an answer.
    if ((sending && !isGoing()) || isLeaving || !isDirty()) return
    const before = saved
    saved = snapshot()
    sending = send()
    if (!(await sending)) saved = before
    sending = null
    if (isDirty()) schedule(saved === before ? RETRY : REST)
  }

  // Returns whether it was taken.
  const send = async () => {
    if (isTooLarge()) {
      say(desk.dataset.tooMuch)
      return false
    }
    try {
      const response = await post()
      if (response.ok || response.status === 409) {
        take(await response.json())
        return true
      }
      if (response.type === "opaqueredirect" || response.status === 403) return await renew()
      say(response.status === 413 ? desk.dataset.tooMuch : desk.dataset.notSaved)
    } catch {
      say(desk.dataset.offline)
    }
    return false
  }

  // The inputs themselves are remembered: blocks may be taken away while the answer is on its way.
  let keyInputs = {}

  const post = () => {
    const data = new FormData(form)
    data.set("_autosave", "1")
    field("_count").value = Number(field("_count").value) + 1
    keyInputs = Object.fromEntries([...form.querySelectorAll("input[name$='-id']")].map((input) => [input.name, input]))
    const keepalive = isGoing() && sizeOf([...data]) < MOST_KEPT_ALIVE
    return fetch(form.action, { method: "POST", body: data, redirect: "manual", keepalive })
  }

  // About 100 bytes stand around each field.
  const sizeOf = (entries) => entries.reduce((size, [name, value]) => size + new Blob([name, value]).size + 100, 0)

  const isTooLarge = () => sizeOf([...new FormData(form)].filter(([, value]) => typeof value === "string")) > MOST

  const take = ({ message, base, opened, keys, url }) => {
    if (base) {
      field("_base").value = base
      field("_opened").value = opened
      for (const [name, key] of Object.entries(keys)) if (key && keyInputs[name]) keyInputs[name].value = key
    }
    say(message, url && { url, text: desk.dataset.seeBoth })
  }

  // Somebody who has logged in again has another token.
  const renew = async () => {
    const response = await fetch(desk.dataset.token, { redirect: "manual" })
    if (response.status === 403) {
      say(desk.dataset.notAllowed)
      return false
    }
    if (!response.ok) {
      say(desk.dataset.loggedOut, { url: location.href, text: desk.dataset.logIn, target: "_blank" })
      return false
    }
    field("csrfmiddlewaretoken").value = (await response.json()).token
    const again = await post()
    const isTaken = again.ok || again.status === 409
    if (isTaken) take(await again.json())
    else say(desk.dataset.notSaved)
    return isTaken
  }

  const isUploading = () => form.querySelector(".upload-state progress")

  // Returns whether the form has all pictures, or goes without one that somebody has seen to be missing.
  const havePictures = async () => {
    if (isUploading()) say(desk.dataset.uploading)
    while (isUploading()) await new Promise((resolve) => form.addEventListener("upload:end", resolve, { once: true }))
    const missing = [...form.querySelectorAll(".upload-state button:not(.seen)")].filter((again) => !again.closest(".for-deletion"))
    for (const again of missing) again.classList.add("seen")
    missing[0]?.focus()
    if (missing.length) say(desk.dataset.missing)
    return !missing.length
  }

  // What cannot arrive is not sent: the browser's page of errors would take the place of what was typed.
  const sendIfHeard = async (submitter) => {
    if (isAsking) return
    if (isTooLarge()) {
      say(desk.dataset.tooMuch)
      return
    }
    isAsking = true
    if (!(await havePictures())) {
      isAsking = false
      return
    }
    try {
      const response = await fetch(desk.dataset.token, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE * 1000) })
      isHeard = response.status < 500 && response.status !== 403
      if (isHeard) form.requestSubmit(submitter)
      else say(response.status === 403 ? desk.dataset.notAllowed : desk.dataset.notSaved)
    } catch {
      say(desk.dataset.offline)
    }
    isAsking = isHeard = false
  }
  let isAsking = false
  let isHeard = false

  const preview = {
    timer: 0,
    frame: null,
    button: null,

    toggle() {
      if (this.frame) this.close()
      else this.open()
    },

    open() {
      const panel = document.createElement("aside")
      panel.className = "desk-preview"
      panel.setAttribute("aria-label", desk.dataset.preview)
      const bar = document.createElement("div")
      const widths = [390, 768, 1280]
      const names = desk.dataset.widths.split(",")
      const buttons = widths.map((width, number) => this.addButton(bar, names[number], () => choose(number)))
      const choose = (number) => {
        buttons.forEach((button, other) => button.setAttribute("aria-pressed", other === number))
        const scale = Math.min(1, panel.clientWidth / widths[number])
        const height = (panel.clientHeight - bar.offsetHeight) / scale
        Object.assign(this.frame.style, { width: `${widths[number]}px`, height: `${height}px`, transform: `scale(${scale})` })
      }
      this.addButton(bar, desk.dataset.close, () => this.close())
      this.frame = Object.assign(document.createElement("iframe"), { name: "preview", title: desk.dataset.preview })
      panel.append(bar, this.frame)
      document.body.append(panel)
      document.body.classList.add("with-preview")
      const first = panel.clientWidth < 600 ? 0 : 2
      choose(first)
      buttons[first].focus()
      panel.addEventListener("keydown", (event) => event.key === "Escape" && this.close())
      this.show()
    },

    addButton(bar, text, act) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: text })
      button.addEventListener("click", act)
      bar.append(button)
      return button
    },

    close() {
      this.frame.parentNode.remove()
      this.frame = null
      document.body.classList.remove("with-preview")
      this.button.focus()
    },

    update() {
      clearTimeout(this.timer)
      if (this.frame) this.timer = setTimeout(() => this.show(), 700)
    },

    show() {
      // None of a page with which the browser itself says that there is no answer
      const shown = () => this.frame?.contentDocument?.defaultView
      const top = shown()?.scrollY ?? 0
      this.frame.addEventListener("load", () => shown()?.scrollTo(0, top), { once: true })
      isShowing = true
      form.requestSubmit(this.button)
      isShowing = false
    },
  }
  let isShowing = false

  // The content editor goes back to where the form was when it was sent: what is said must be seen all the same.
  const showWhatIsSaid = () => {
    const said = [...document.querySelectorAll(".messagelist li")]
    if (!said.length || !location.hash.includes("scrollY=")) return
    if (said.every((message) => message.matches(".success"))) say(said.map((message) => message.textContent).join(" "))
    else history.replaceState(history.state, "", location.hash.replace(/scrollY=\d+/, "scrollY=0"))
  }

  if (form) {
    showWhatIsSaid()
    form.addEventListener("input", touched)
    form.addEventListener("change", touched)
    for (const name of ["formset:added", "formset:removed", "drop"]) document.addEventListener(name, () => setTimeout(touched))
    const begin = () => setTimeout(() => (saved ??= snapshot()), 300)
    if (document.getElementById("content-editor-context")) document.addEventListener("content-editor:ready", begin)
    else begin()
    // Whoever types sooner has typed all the same.
    form.addEventListener("beforeinput", () => (saved ??= snapshot()), true)

    preview.button = form.querySelector("[name=_preview]")
    preview.button?.addEventListener("click", (event) => {
      if (isShowing) return
      event.preventDefault()
      preview.toggle()
    })
    form.addEventListener("submit", (event) => {
      if (event.submitter === preview.button) return
      if (!isHeard) {
        event.preventDefault()
        sendIfHeard(event.submitter)
        return
      }
      isLeaving = true
      clearTimeout(timer)
      field("_count").value = Number(field("_count").value) + 1
    })
    document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && save())
    window.addEventListener("beforeunload", (event) => {
      if (!isDirty() || isLeaving) return
      event.preventDefault()
      // Before the browser asks for what it goes to, which may be this form once more
      isAsked = true
      save()
      isAsked = false
    })
    // Back from a page that the form was sent to, by the browser's button
    window.addEventListener("pageshow", (event) => {
      isLeaving = false
      if (event.persisted) touched()
    })
    window.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() === "s" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault()
        if (saved !== null && !sending && !isDirty()) say(desk.dataset.unchanged)
        save()
      }
    })
    // An editor of formatted text is in place of its field, and a block may be closed.
    form.querySelector(".desk-mistakes")?.addEventListener("click", (event) => {
      const field = document.getElementById(event.target.hash?.slice(1))
      if (!field) return
      event.preventDefault()
      const block = field.closest(".inline-related.collapsed")
      block?.querySelector(".block-toggle").click()
      ;(field.closest(".prose-editor")?.querySelector("[contenteditable]") ?? field).focus()
    })
  }
}
