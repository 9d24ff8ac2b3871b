/* Lets the keyboard, and screen readers, do with blocks what the content editor lets the mouse do; and undo deletions. */
"use strict"
{
  const desk = document.querySelector(".desk")
  const form = desk?.closest("form")
  const texts = desk ? JSON.parse(desk.dataset.blocks) : {}

  const machine = () => form.querySelector(".order-machine")
  const ordering = (block) => block.querySelector(".order-machine-ordering")
  const blocks = () =>
    [...machine().querySelectorAll(".inline-related:not(.empty-form)")].sort((a, b) => ordering(a).value - ordering(b).value)
  const prefixOf = (block) => block.id.replace(/-\d+$/, "")
  const nameOf = (block) => {
    const kind = block.querySelector("h3 b").textContent.replace(/[:：]\s*$/, "")
    return `${kind} ${block.querySelector(".inline_label").textContent}`.trim().slice(0, 60)
  }
  const changed = (block) => block.dispatchEvent(new Event("input", { bubbles: true }))

  const announce = (text) => {
    const place = form.querySelector(".desk-announce")
    if (place.textContent !== text) {
      place.textContent = text
      return
    }
    // A screen reader says what is there again only if it was gone.
    place.textContent = ""
    setTimeout(() => (place.textContent ||= text), 100)
  }

  const say = (text, block) => announce(text.replace("%s", nameOf(block)))

  const sayPlace = (text, block) => {
    const all = blocks()
    const words = { block: nameOf(block), place: all.indexOf(block) + 1, number: all.length }
    announce(text.replace(/%\((\w+)\)s/g, (_all, name) => words[name]))
  }

  const move = (block, step) => {
    const all = blocks()
    const other = all[all.indexOf(block) + step]
    if (!other) {
      sayPlace(texts.stays, block)
      return
    }
    const order = ordering(block).value
    for (const [one, value] of [[block, ordering(other).value], [other, order]]) {
      ordering(one).value = value
      one.style.order = value
    }
    if (ordering(block).value === ordering(other).value) renumber(all, block, other)
    settle()
    changed(block)
    sayPlace(texts.moved, block)
  }

  // Two of the same number, as a release before may have left them
  const renumber = (all, block, other) => {
    const [i, j] = [all.indexOf(block), all.indexOf(other)]
    ;[all[i], all[j]] = [all[j], all[i]]
    all.forEach((each, number) => {
      ordering(each).value = each.style.order = 10 * (number + 1)
    })
  }

  // Whoever goes through the form by keyboard meets the blocks in their order. Empty forms stay where Django looks for them.
  const settle = () => {
    const there = [...machine().querySelectorAll(":scope > .inline-related:not(.empty-form)")]
    const wanted = blocks()
    if (there.every((block, number) => block === wanted[number])) return
    const focused = document.activeElement
    machine().prepend(...wanted)
    focused?.focus()
  }

  // Django's own way drops a new block for good; a mark can be taken back.
  const isDeleted = (block) => block.classList.contains("for-deletion")
  const setDeleted = (block, value) => {
    const name = `${block.id}-DELETE`
    let mark = block.querySelector(`[name="${name}"]`)
    if (!mark) {
      mark = Object.assign(document.createElement("input"), { type: "checkbox", name, hidden: true })
      block.append(mark)
    }
    mark.checked = value
    block.classList.toggle("for-deletion", value)
    changed(block)
    say(value ? texts.deleted : texts.broughtBack, block)
  }

  const duplicate = (block) => {
    const all = blocks()
    const editor = window.ContentEditor
    editor._insertBefore = all[all.indexOf(block) + 1] ?? null
    const copy = (event) => {
      if (event.target.closest(".inline-related") && prefixOf(event.target) === prefixOf(block)) copyFields(block, event.target)
    }
    // Before the editors of the new block begin with what is in its fields
    document.addEventListener("formset:added", copy, { capture: true, once: true })
    isCopying = true
    editor.addContent(prefixOf(block))
    isCopying = false
    announce(texts.duplicated.replace("%s", nameOf(block)))
  }

  let isCopying = false

  // Goes on in the new block; its editor of formatted text comes a moment later.
  const enter = (block) => {
    const fields = [...block.querySelectorAll("fieldset :is(input:not([type=hidden]), select, textarea)")]
    fields.find((field) => field.checkVisibility())?.focus()
    const edit = (event) => event.target.closest(".prose-editor").querySelector("[contenteditable]").focus()
    if (fields[0]?.matches("textarea")) block.addEventListener("prose-editor:ready", edit, { once: true })
    say(texts.added, block)
  }

  const copyFields = (from, to) => {
    for (const field of from.querySelectorAll("input, select, textarea")) {
      const rest = field.name.slice(from.id.length)
      if (!field.name.startsWith(from.id) || /-(id|parent|ordering|region|DELETE)$/.test(rest) || field.type === "file") continue
      const target = to.querySelector(`[name="${to.id}${rest}"]`)
      if (!target) continue
      if (field.type === "checkbox") target.checked = field.checked
      else target.value = field.value
    }
    const picture = from.querySelector(".imagefield-preview-image")
    const input = to.querySelector("input[type=file]")
    if (picture && input) {
      const image = Object.assign(document.createElement("img"), { src: picture.src, className: "imagefield-preview-image", alt: "" })
      input.before(image)
    }
  }

  const toggle = (block) => {
    const isClosed = block.classList.toggle("collapsed")
    block.querySelector(".block-toggle").setAttribute("aria-expanded", !isClosed)
  }

  const ACTIONS = [
    ["toggle", "block-toggle", toggle],
    ["up", "block-up", (block) => move(block, -1)],
    ["down", "block-down", (block) => move(block, 1)],
    ["duplicate", "block-duplicate", duplicate],
    ["delete", "block-delete", (block) => setDeleted(block, true)],
    ["undo", "block-undo", (block) => setDeleted(block, false)],
  ]

  const equip = (block) => {
    if (block.querySelector(".block-tools") || block.classList.contains("empty-form")) return
    const name = [...block.querySelectorAll("h3 > b, h3 > .inline_label")].map((part, number) => {
      part.id ||= `${block.id}-name-${number}`
      return part.id
    })
    block.setAttribute("role", "group")
    // The tools are no part of the heading, which would be said before each of them.
    const [bar, heading] = [block.querySelector("h3"), block.querySelector("h3 > b")]
    bar.setAttribute("role", "presentation")
    heading.setAttribute("role", "heading")
    heading.setAttribute("aria-level", 3)
    for (const part of [block, heading]) part.setAttribute("aria-labelledby", name.join(" "))
    block.querySelector("h3 > .inline_label").setAttribute("aria-hidden", "true")
    hideIcons(bar)
    const tools = document.createElement("span")
    tools.className = "block-tools"
    for (const [action, className, act] of ACTIONS) {
      const id = `${block.id}-${action}`
      const button = Object.assign(document.createElement("button"), { type: "button", id, className, title: texts[action] })
      button.setAttribute("aria-label", texts[action])
      // The name of a block changes with what is in it.
      button.setAttribute("aria-labelledby", [id, ...name].join(" "))
      button.addEventListener("click", (event) => {
        event.stopPropagation()
        act(block)
        const twin = { "block-delete": ".block-undo", "block-undo": ".block-delete" }[className]
        ;(twin ? block.querySelector(twin) : button).focus()
      })
      tools.append(button)
    }
    tools.firstChild.setAttribute("aria-expanded", !block.classList.contains("collapsed"))
    bar.append(tools)
    if (isMarked(block)) block.classList.add("for-deletion")
    const target = block.querySelector(":scope > .order-machine-insert-target")
    if (target) {
      block.prepend(target) // as it is seen
      target.id = `${block.id}-add`
      makeButton(target, texts.addBefore)
      target.setAttribute("aria-labelledby", [target.id, ...name].join(" "))
    }
  }

  const isMarked = (block) => block.querySelector(`[name="${block.id}-DELETE"]`)?.checked

  // They are words in a font that draws them.
  const hideIcons = (place) => {
    for (const icon of place.querySelectorAll(".material-icons")) icon.setAttribute("aria-hidden", "true")
  }

  const kinds = () => [...form.querySelectorAll(".plugin-buttons .plugin-button")]

  const makeButton = (target, label) => {
    target.tabIndex = 0
    target.setAttribute("role", "button")
    target.setAttribute("aria-haspopup", "menu")
    target.setAttribute("aria-label", label)
    target.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return
      event.preventDefault()
      target.click()
      kinds()[0]?.focus()
    })
  }

  // https://www.w3.org/WAI/ARIA/apg/patterns/menu-button/
  const makeMenu = (menu) => {
    menu.setAttribute("role", "menu")
    menu.setAttribute("aria-label", texts.kinds)
    for (const button of kinds()) {
      button.tabIndex = -1
      button.setAttribute("role", "menuitem")
    }
    menu.addEventListener("keydown", (event) => {
      const all = kinds()
      const at = all.indexOf(document.activeElement)
      const aim = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key]
      const target = form.querySelector(".order-machine-insert-target.selected")
      if (aim !== undefined) {
        event.preventDefault()
        all.at(aim % all.length).focus()
      } else if (event.key === "Enter" || event.key === " ") {
        event.preventDefault()
        document.activeElement.click()
      } else if (event.key === "Escape" || event.key === "Tab") {
        // From the target, Tab goes where it would have gone.
        target?.click()
        target?.focus()
      }
    })
  }

  // The editor, and Django's script, look for blocks in the group of their kind.
  const sortIntoGroups = (there) => {
    const number = (block) => Number(block.id.slice(prefixOf(block).length + 1))
    for (const block of [...there.children].sort((a, b) => number(a) - number(b))) {
      document.getElementById(`${prefixOf(block)}-empty`).before(block)
    }
    there.remove()
  }

  if (form) {
    const there = form.querySelector(".desk-blocks")
    if (there) sortIntoGroups(there)
    document.addEventListener("content-editor:ready", () => {
      settle()
      for (const block of blocks()) equip(block)
      const last = form.querySelector(".order-machine-insert-target.last")
      machine().append(last)
      makeButton(last, texts.addLast)
      makeMenu(form.querySelector(".plugin-buttons"))
      hideIcons(form.querySelector(".machine-collapse"))
      hideIcons(form.querySelector(".plugin-buttons"))
    })
    document.addEventListener("formset:added", (event) => {
      if (!machine()?.contains(event.target)) return
      const isNew = !isCopying
      setTimeout(() => {
        settle()
        equip(event.target)
        if (isNew) enter(event.target)
      })
    })
    form.addEventListener("drop", () => setTimeout(settle))
    form.addEventListener("dragend", () => setTimeout(settle))
  }
}
