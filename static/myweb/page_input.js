"use strict";

// Makes a combobox of each field for a page (pages/choosing.py), as the ARIA Authoring Practices have it:
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/examples/combobox-autocomplete-list/
{
    const PAUSE = 200; // milliseconds without a key, after which the server is asked

    function element(name, attributes = {}, ...children) {
        const made = document.createElement(name);
        for (const [key, value] of Object.entries(attributes)) {
            made.setAttribute(key, value);
        }
        made.append(...children);
        return made;
    }

    function setUp(place) {
        const [number, shown] = place.querySelectorAll("input[type=hidden]");
        const input = place.querySelector("input[type=text]");
        const list = element("ul", {role: "listbox", id: `${input.id}_list`, hidden: ""});
        const said = element("div", {role: "status", class: "visually-hidden"});
        list.setAttribute("aria-label", input.labels[0]?.textContent.trim() ?? "");
        place.append(list, said);
        const roles = {role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id};
        for (const [key, value] of Object.entries(roles)) {
            input.setAttribute(key, value);
        }

        let active = -1;
        let timer = 0;
        let asking; // the request under way

        function close() {
            clearTimeout(timer);
            timer = 0;
            asking?.abort();
            list.hidden = true;
            list.replaceChildren();
            active = -1;
            input.setAttribute("aria-expanded", "false");
            input.removeAttribute("aria-activedescendant");
        }

        function activate(index) {
            active = index;
            [...list.children].forEach((option, each) => option.setAttribute("aria-selected", String(each === index)));
            const option = list.children[index];
            if (option) {
                input.setAttribute("aria-activedescendant", option.id);
                option.scrollIntoView({block: "nearest"});
            } else {
                input.removeAttribute("aria-activedescendant");
            }
        }

        function choose(key, label) {
            number.value = key;
            shown.value = input.value = label;
            close();
            input.dispatchEvent(new Event("change", {bubbles: true}));
        }

        function show({results, said: sentence}) {
            const options = results.map((page, index) => {
                const option = element("li", {role: "option", id: `${list.id}_${index}`, "aria-selected": "false"});
                option.append(page.title, element("small", {}, page.where));
                option.page = page;
                return option;
            });
            list.replaceChildren(...options);
            list.hidden = !options.length;
            input.setAttribute("aria-expanded", String(Boolean(options.length)));
            activate(-1);
            said.textContent = sentence;
        }

        async function ask() {
            clearTimeout(timer);
            timer = 0;
            asking?.abort();
            asking = new AbortController();
            const url = new URL(place.dataset.search, location.href);
            // What was chosen is no search: all is offered instead.
            url.searchParams.set("q", input.value === shown.value ? "" : input.value);
            try {
                const response = await fetch(url, {signal: asking.signal, headers: {Accept: "application/json"}});
                show(await response.json());
            } catch {
                // Aborted, or not to be had: what is typed is looked up when it is saved.
            }
        }

        input.addEventListener("input", (event) => {
            if (!input.value) {
                number.value = shown.value = "";
            }
            clearTimeout(timer);
            if (!event.isComposing) {
                timer = setTimeout(ask, PAUSE);
            }
        });
        input.addEventListener("compositionend", () => {
            timer = setTimeout(ask, PAUSE);
        });
        input.addEventListener("focus", () => input.select());
        input.addEventListener("blur", close);
        input.addEventListener("keydown", async (event) => {
            if (event.isComposing) {
                return;
            }
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
                event.preventDefault();
                if (list.hidden || timer) {
                    await ask(); // What is shown was found for fewer letters.
                }
                const last = list.children.length - 1;
                const next = active + (event.key === "ArrowDown" ? 1 : -1);
                activate(next > last ? 0 : next < 0 ? last : next);
            } else if (event.key === "Enter" && !list.hidden) {
                event.preventDefault();
                if (timer) {
                    await ask();
                }
                const isTyped = input.value !== shown.value;
                const option = list.children[active] ?? (isTyped && list.children[0]);
                if (option) {
                    choose(option.page.key, option.page.label);
                } else {
                    close();
                }
            } else if (event.key === "Escape" && !list.hidden) {
                event.stopPropagation();
                close();
            }
        });
        // Before the field loses the focus
        list.addEventListener("pointerdown", (event) => event.preventDefault());
        list.addEventListener("click", (event) => {
            const option = event.target.closest("[role=option]");
            if (option) {
                choose(option.page.key, option.page.label);
            }
        });
        input.addEventListener("click", () => list.hidden && ask());
    }

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll(".page-input").forEach(setUp);
    });
}
