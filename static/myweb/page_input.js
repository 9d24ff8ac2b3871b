"use strict";

// Makes a combobox of each field for a page (pages/choosing.py).
document.addEventListener("DOMContentLoaded", () => {
    for (const place of document.querySelectorAll(".page-input")) {
        const [number, shown] = place.querySelectorAll("input[type=hidden]");
        const input = place.querySelector("input[type=text]");
        const [list, status] = ["ul", "div"].map((tag) => place.appendChild(document.createElement(tag)));
        Object.assign(list, {id: `${input.id}_list`, hidden: true});
        list.setAttribute("role", "listbox");
        list.setAttribute("aria-label", input.labels[0]?.textContent.trim() ?? "");
        status.className = "visually-hidden";
        status.setAttribute("role", "status");
        status.dataset.failed = place.dataset.failed;

        new window.Combobox({
            input,
            list,
            status,
            isChosen: () => input.value !== "" && input.value === shown.value,
            edit() {
                if (!input.value) {
                    number.value = shown.value = "";
                }
            },
            async find(words) {
                const url = new URL(place.dataset.search, location.href);
                url.searchParams.set("q", words);
                const response = await fetch(url, {headers: {Accept: "application/json"}});
                const {results, said} = await response.json();
                return {options: results, said};
            },
            choose(page) {
                number.value = page.key;
                shown.value = input.value = page.label;
                input.dispatchEvent(new Event("change", {bubbles: true}));
            },
        });
    }
});
