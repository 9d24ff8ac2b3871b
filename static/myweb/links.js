// The editor's link, which also keeps the page that it leads to, and its dialog, in which pages are searched by title.
// The dialog itself, in the language of the admin, is templates/pages/link_dialog.html.

import { Link as BaseLink } from "django-prose-editor/editor";

const DIALOG = "/admin/pages/page/link/";
const PAUSE = 200; // milliseconds without another letter, before pages are searched

const ask = async (url) => {
    const response = await fetch(url);
    // Whoever is logged out is led to the login.
    if (!response.ok || response.redirected) throw new Error(`${url} answers ${response.status}`);
    return response;
};

const element = (tag, attributes = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...children);
    return made;
};

let markup;

const askForMarkup = () => {
    markup ??= ask(DIALOG)
        .then((response) => response.text())
        .catch((error) => {
            markup = undefined;
            throw error;
        });
    return markup;
};

// Beforehand: what is typed right after Ctrl-K is meant for the dialog.
askForMarkup().catch(() => {});

const makeDialog = async () => {
    const template = document.createElement("template");
    template.innerHTML = await askForMarkup();
    return document.body.appendChild(document.importNode(template.content, true).firstElementChild);
};

// What is typed, as an address; the server does the same, and says what is wrong with the rest.
const completed = (text) => {
    const address = text.trim();
    if (/^www\./i.test(address)) return `https://${address}`;
    if (/^[^\s/:?#@]+@[^\s/:?#@]+\.[^\s/:?#@]+$/.test(address)) return `mailto:${address}`;
    if (/^((\+|0)[0-9()./\s-]{5,}|1[3-9][0-9]{9})$/.test(address)) return `tel:${address.replace(/\s/g, "")}`;
    return address;
};

const decoded = (text) => {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
};

// The headings of the page that is edited, with the ids that pages/links.py gives them once it is saved
const headingsHere = (taken) => {
    const ids = new Set(taken);
    const blockOf = (heading) => heading.closest(".inline-related");
    const placeOf = (block) => Number(block.querySelector("[name$='-ordering']")?.value ?? 0);
    return [...document.querySelectorAll(".inline-related [contenteditable] :is(h1, h2, h3, h4, h5, h6)")]
        .filter((heading) => !blockOf(heading).querySelector("[name$='-DELETE']:checked"))
        .sort((one, other) => placeOf(blockOf(one)) - placeOf(blockOf(other)))
        .map((heading) => {
            const words = heading.textContent.trim().replace(/\s+/g, " ");
            const name = window.URLify(words, 60) || "section";
            let id = name;
            for (let number = 2; ids.has(id); number += 1) id = `${name}-${number}`;
            ids.add(id);
            return { id, words };
        });
};

// The field in which a page is searched
class PageField {
    constructor(dialog, onChange) {
        this.input = dialog.querySelector("#link-page");
        this.onChange = onChange;
        this.page = null;
        new window.Combobox({
            input: this.input,
            list: dialog.querySelector("[role=listbox]"),
            status: dialog.querySelector("[role=status]"),
            isChosen: () => this.page !== null,
            edit: () => this.set(null),
            find: async (words) => {
                const response = await ask(`${DIALOG}pages/?${new URLSearchParams({ q: words })}`);
                const { pages, summary } = await response.json();
                return { options: pages.map((page) => ({ ...page, where: page.place })), said: summary };
            },
            choose: (page) => {
                this.input.value = page.title;
                this.set(page);
            },
        });
    }

    // Whether there are words for which no page was chosen
    get isOpen() {
        return this.input.value.trim() !== "" && !this.page;
    }

    set(page) {
        this.page = page;
        this.onChange(page);
    }
}

class LinkDialog {
    constructor(dialog, attributes) {
        this.dialog = dialog;
        this.attributes = attributes;
        this.form = dialog.querySelector("form");
        this.address = this.form.elements.address;
        this.heading = this.form.elements.heading;
        this.window = this.form.elements.window;
        this.error = dialog.querySelector("[role=alert]");
        this.field = new PageField(dialog, (page) => this.follow(page));
        this.here = window.URLify ? headingsHere(dialog.dataset.takenIds.split(" ")) : [];
        this.address.addEventListener("input", () => {
            if (this.address.value && (this.field.page || this.field.input.value)) {
                this.field.input.value = "";
                this.field.set(null);
            }
        });
        this.heading.addEventListener("keydown", (event) => {
            if (event.key === "Enter") {
                event.preventDefault();
                this.form.requestSubmit();
            }
        });
        this.window.checked = attributes.target === "_blank";
        this.offer(this.here, "here");
    }

    // Shows what the link says now.
    async fill() {
        const { href = "", page } = this.attributes;
        const [key, address] = (page ?? "").split(" ");
        const fragment = decoded(href.split("#")[1] ?? "");
        if (key && address === href) {
            try {
                const found = await (await ask(`${DIALOG}headings/?${new URLSearchParams({ page: key })}`)).json();
                this.field.input.value = found.title;
                this.field.page = found;
                this.offer(found.headings, "there", fragment);
                return;
            } catch {
                // The page is gone: its address says more than nothing.
            }
        }
        if (href.startsWith("#") && this.here.some((heading) => heading.id === fragment)) {
            this.offer(this.here, "here", fragment);
        } else {
            this.address.value = href.replace(/^(mailto|tel):/, "");
        }
    }

    async follow(page) {
        if (!page) {
            this.offer(this.here, "here");
            return;
        }
        this.address.value = "";
        this.offer([], "there");
        try {
            const found = await (await ask(`${DIALOG}headings/?${new URLSearchParams({ page: page.key })}`)).json();
            if (this.field.page === page) this.offer(found.headings, "there");
        } catch {
            // A link to the page as a whole is left to choose.
        }
    }

    offer(headings, where, chosen = "") {
        const first = element("option", { value: "", textContent: this.heading.dataset[where] });
        this.heading.replaceChildren(
            first,
            ...headings.map(({ id, words }) => element("option", { value: id, textContent: words })),
        );
        this.heading.value = headings.some(({ id }) => id === chosen) ? chosen : "";
    }

    // Returns null if nothing was chosen.
    chosen() {
        const { page, isOpen } = this.field;
        if (isOpen) return null;
        const fragment = this.heading.value ? `#${this.heading.value}` : "";
        const words = this.heading.selectedOptions[0].textContent;
        const target = this.window.checked ? "_blank" : null;
        const shared = { target, rel: target ? "noopener" : null };
        if (page) {
            const href = page.address + fragment;
            return { ...shared, href, page: `${page.key} ${href}`, words: page.title };
        }
        if (this.address.value.trim()) {
            const href = completed(this.address.value);
            // What was not touched leads where it led.
            const kept = href === this.attributes.href ? this.attributes.page : null;
            return { ...shared, href, page: kept, words: this.address.value.trim() };
        }
        return fragment ? { ...shared, href: fragment, page: null, words } : null;
    }

    // Resolves with the attributes of the link, "remove", or null if it stays as it is.
    open() {
        return new Promise((resolve) => {
            this.form.elements.remove.hidden = !this.attributes.href;
            this.form.elements.remove.addEventListener("click", () => {
                resolve("remove");
                this.dialog.close();
            });
            this.form.elements.cancel.addEventListener("click", () => this.dialog.close());
            this.form.addEventListener("submit", (event) => {
                event.preventDefault();
                const chosen = this.chosen();
                this.error.textContent = chosen ? "" : this.error.dataset.nothing;
                if (chosen) {
                    resolve(chosen);
                    this.dialog.close();
                } else {
                    this.field.input.focus();
                }
            });
            this.dialog.addEventListener("close", () => {
                resolve(null);
                this.dialog.remove();
            });
            this.dialog.showModal();
            this.field.input.focus();
        });
    }
}

const edit = async (editor) => {
    // The editor hears of a selection only after the key that made it, and not without the focus.
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const dialog = new LinkDialog(await makeDialog(), editor.getAttributes("link"));
    const answer = dialog.open();
    await dialog.fill();
    const chosen = await answer;
    // The dialog has given the focus back.
    if (!chosen) return;
    const chain = editor.chain().focus();
    if (chosen === "remove") {
        chain.extendMarkRange("link").unsetLink().run();
        return;
    }
    const { words, ...attributes } = chosen;
    if (editor.isActive("link")) {
        chain.extendMarkRange("link").updateAttributes("link", attributes).run();
    } else if (editor.state.selection.empty) {
        chain.insertContent({ type: "text", text: words, marks: [{ type: "link", attrs: attributes }] }).run();
    } else {
        chain.setMark("link", attributes).run();
    }
};

export const Link = BaseLink.extend({
    addAttributes() {
        return {
            ...this.parent?.(),
            // The key of the page, with the address that it is meant for: a link that gets another one has lost its page.
            page: {
                default: null,
                parseHTML: (link) =>
                    link.dataset.page ? `${link.dataset.page} ${link.getAttribute("href")}` : null,
                renderHTML: ({ page, href }) => {
                    const [key, address] = (page ?? "").split(" ");
                    return key && address === href ? { "data-page": key } : {};
                },
            },
        };
    },

    addCommands() {
        const parent = this.parent?.();
        return {
            ...parent,
            addLink:
                () =>
                ({ editor }) => {
                    // Without an answer, the library's own dialog is better than none.
                    edit(editor).catch(() => parent.addLink()({ editor }));
                    return true;
                },
        };
    },

    addMenuItems({ menu, buttons }) {
        this.parent?.({ menu, buttons });
        menu.defineItem({
            name: "link",
            groups: "link",
            // Without a selection, too: the title of the page becomes the words of the link.
            command: (editor) => editor.commands.addLink(),
            button: buttons.material("insert_link", "insert link"),
            active: (editor) => editor.isActive("link"),
        });
    },

    addKeyboardShortcuts() {
        return { "Mod-k": ({ editor }) => editor.commands.addLink() };
    },
});
