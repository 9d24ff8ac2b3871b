"use strict";

// A field with what is found for its words below it, as the ARIA Authoring Practices have it:
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/examples/combobox-autocomplete-list/
//
// `find(words)` resolves with {options: [{title, where}, …], said}, `choose(option)` is told which was chosen, `edit()`
// that something was typed, and `isChosen()` says whether what is in the field was chosen.
window.Combobox = class {
    static PAUSE = 200; // milliseconds without a key, after which the server is asked

    constructor({input, list, status, find, choose, edit, isChosen}) {
        Object.assign(this, {input, list, status, find, onChoose: choose, onEdit: edit, isChosen});
        this.active = -1;
        this.timer = 0;
        this.asked = 0; // how often, since only the last answer counts
        const roles = {role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id};
        for (const [name, value] of Object.entries(roles)) {
            input.setAttribute(name, value);
        }
        input.autocomplete = "off";
        input.addEventListener("input", (event) => {
            this.onEdit();
            this.wait(event.isComposing);
        });
        input.addEventListener("compositionend", () => this.wait());
        input.addEventListener("focus", () => input.select());
        input.addEventListener("blur", () => this.close());
        input.addEventListener("click", () => list.hidden && this.ask());
        input.addEventListener("keydown", (event) => event.isComposing || this.press(event));
        // Before the field loses the focus
        list.addEventListener("pointerdown", (event) => event.preventDefault());
        list.addEventListener("click", (event) => this.choose([...list.children].indexOf(event.target.closest("li"))));
    }

    wait(isComposing = false) {
        clearTimeout(this.timer);
        this.timer = isComposing ? 0 : setTimeout(() => this.ask(), this.constructor.PAUSE);
    }

    async ask() {
        clearTimeout(this.timer);
        this.timer = 0;
        this.asked += 1;
        const {asked} = this;
        let found;
        try {
            // What was chosen is no search: all is offered instead.
            found = await this.find(this.isChosen() ? "" : this.input.value);
        } catch {
            found = {options: [], said: this.status.dataset.failed};
        }
        if (asked === this.asked) {
            this.show(found);
        }
    }

    show({options, said}) {
        this.options = options;
        this.list.replaceChildren(...options.map(({title, where}, index) => this.made(title, where, index)));
        this.list.hidden = !options.length;
        this.input.setAttribute("aria-expanded", String(options.length > 0));
        this.activate(-1);
        this.status.textContent = said;
    }

    made(title, where, index) {
        const option = document.createElement("li");
        option.id = `${this.list.id}_${index}`;
        option.setAttribute("role", "option");
        option.append(title);
        if (where) {
            const place = document.createElement("small");
            place.textContent = where;
            option.append(" ", place);
        }
        return option;
    }

    activate(index) {
        this.active = index;
        [...this.list.children].forEach((option, each) => option.setAttribute("aria-selected", String(each === index)));
        const option = this.list.children[index];
        if (option) {
            this.input.setAttribute("aria-activedescendant", option.id);
            option.scrollIntoView({block: "nearest"});
        } else {
            this.input.removeAttribute("aria-activedescendant");
        }
    }

    async press(event) {
        const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
        if (step) {
            event.preventDefault();
            if (this.list.hidden || this.timer) {
                await this.ask(); // What is shown was found for fewer letters.
            }
            const count = this.list.children.length || 1;
            this.activate(this.active < 0 && step < 0 ? count - 1 : (this.active + step) % count);
        } else if (event.key === "Enter" && (this.timer || !this.list.hidden)) {
            event.preventDefault();
            if (this.timer) {
                await this.ask();
            }
            if (this.active < 0 && this.isChosen()) {
                this.close();
            } else {
                this.choose(Math.max(this.active, 0));
            }
        } else if (event.key === "Escape" && !this.list.hidden) {
            // Only the list; the next one closes what is around it.
            event.preventDefault();
            event.stopPropagation();
            this.close();
        }
    }

    choose(index) {
        const option = this.options?.[index];
        if (option) {
            this.close();
            this.onChoose(option);
        }
    }

    close() {
        this.asked += 1; // An answer that comes later opens nothing.
        clearTimeout(this.timer);
        this.timer = 0;
        this.show({options: [], said: ""});
    }
};
