/* Sends each picture by itself as soon as it is chosen; the form then carries its number. Without this, it carries the file. */
"use strict"
{
  const desk = document.querySelector(".desk")
  const form = desk?.closest("form")
  const numberOf = (input) => form.elements.namedItem(`${input.name}_number`)

  const send = (file, onProgress) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest()
      const data = new FormData()
      data.set("file", file)
      request.open("POST", desk.dataset.upload)
      request.setRequestHeader("X-CSRFToken", form.elements.namedItem("csrfmiddlewaretoken").value)
      request.upload.addEventListener("progress", (event) => onProgress(event.loaded / event.total))
      request.addEventListener("load", () => {
        let answer = {}
        try {
          answer = JSON.parse(request.responseText)
        } catch {
          // a page that says so in its own words
        }
        if (request.status === 200 && answer.number) resolve(answer)
        else reject(answer.message ?? (request.status === 413 ? desk.dataset.tooLarge : desk.dataset.notUploaded))
      })
      request.addEventListener("error", () => reject(desk.dataset.notUploaded))
      request.send(data)
    })

  const show = (input, { number, preview }) => {
    const place = input.closest(".imagefield") ?? wrap(input)
    place.querySelector("img").src = preview
    const hidden = numberOf(input)
    hidden.value = number
    input.value = ""
    input.required = false
    hidden.dispatchEvent(new Event("input", { bubbles: true }))
  }

  // What django-imagefield makes of a picture that is there already, so that its focal point can be chosen.
  const wrap = (input) => {
    const place = document.createElement("div")
    place.className = "imagefield"
    place.dataset.ppoiId = `${input.id}_ppoi`
    const frame = document.createElement("div")
    frame.className = "imagefield-preview"
    const image = Object.assign(document.createElement("img"), { className: "imagefield-preview-image", alt: "" })
    const point = Object.assign(document.createElement("div"), { className: "imagefield-point" })
    image.addEventListener("load", () => {
      Object.assign(point.style, { left: `${image.clientWidth / 2}px`, top: `${image.clientHeight / 2}px` })
    })
    frame.append(image, point)
    input.before(place)
    place.append(frame, input)
    return place
  }

  // Somebody who has logged in again, in another tab, has another token.
  const renew = async () => {
    const response = await fetch(desk.dataset.token, { redirect: "manual" })
    if (response.ok) form.elements.namedItem("csrfmiddlewaretoken").value = (await response.json()).token
  }

  const upload = async (input) => {
    const [file] = input.files
    if (!file) return
    const state = input.parentNode.querySelector(".upload-state") ?? document.createElement("span")
    state.className = "upload-state"
    state.setAttribute("role", "status")
    const progress = Object.assign(document.createElement("progress"), { max: 1, value: 0 })
    progress.setAttribute("aria-label", file.name)
    state.replaceChildren(progress)
    input.after(state)
    try {
      const answer = await send(file, (part) => (progress.value = part))
      if (input.files[0] !== file) return // another was chosen meanwhile
      show(input, answer)
      state.replaceChildren(`${file.name} ✓`)
    } catch (message) {
      if (input.files[0] !== file) return
      const again = Object.assign(document.createElement("button"), { type: "button", textContent: desk.dataset.again })
      again.addEventListener("click", async () => {
        await renew().catch(() => {}) // then the upload itself says so
        upload(input)
      })
      state.replaceChildren(`${message} `, again)
    } finally {
      form.dispatchEvent(new Event("upload:end"))
    }
  }

  // One that cannot be uploaded, since it is too large, would keep all else from being saved.
  form?.addEventListener("formdata", ({ formData }) => {
    for (const input of form.querySelectorAll("input[type=file]")) if (numberOf(input)) formData.delete(input.name)
  })

  // Before the form is told of the change: the file is not to travel with it.
  form?.addEventListener(
    "change",
    (event) => {
      const input = event.target
      if (input.type !== "file" || !input.files.length || !numberOf(input)) return
      event.stopPropagation()
      upload(input)
    },
    true,
  )
}
