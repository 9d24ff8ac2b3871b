// What the editor of formatted text does beyond its library: its tools have names in the owner's language, and what is
// pasted is cleaned on the server, by the very code that cleans what is posted.

import { Extension, Plugin, gettext, updateAttrsDialog } from "django-prose-editor/editor";

// Those of the library are English words of programmers. The texts are in myweb/library_texts.py.
const NAMES = {
    heading2: "Heading",
    heading3: "Subheading",
    paragraph: "Paragraph",
    bulletList: "Bulleted list",
    orderedList: "Numbered list",
    orderedListProperties: "List properties",
    blockquote: "Quotation",
    horizontalRule: "Line across",
    bold: "Bold",
    italic: "Italic",
    link: "Link (Ctrl-K)",
    unlink: "Remove link",
    table: "Insert a table",
    "table:addColumnAfter": "Add column",
    "table:deleteColumn": "Delete column",
    "table:addRowAfter": "Add row",
    "table:deleteRow": "Delete row",
    "table:mergeCells": "Merge cells",
    "table:splitCell": "Split cell",
    "table:toggleHeaderCell": "Heading cell or not",
    "table:deleteTable": "Delete table",
    "history:undo": "Undo",
    "history:redo": "Redo",
};

export const Names = Extension.create({
    name: "names",
    // After all that have tools or commands
    priority: 1,

    addMenuItems({ menu }) {
        for (const item of menu.items("blockType lists nodes marks link table history utility")) {
            const name = gettext(NAMES[item.name] ?? item.button?.title);
            if (item.button) {
                item.button.title = name;
                item.button.setAttribute("aria-label", name);
            }
            if (item.option) {
                item.option.textContent = name;
            }
        }
    },

    onCreate({ editor }) {
        nameText(editor);
        const place = editor.view.dom.parentElement;
        place.querySelectorAll(".prose-menubar__dropdown").forEach(makeMenuButton);
        const tools = [...place.querySelectorAll(".prose-menubar__group button")];
        const tell = () => {
            for (const tool of tools) {
                tool.setAttribute("aria-pressed", tool.classList.contains("active"));
                tool.setAttribute("aria-disabled", tool.classList.contains("disabled"));
            }
        };
        // After the library's own, which has just begun to listen
        editor.on("transaction", tell);
        tell();
    },

    addCommands() {
        return {
            // The library's own asks “Yes” or “No”, in English.
            insertTableWithOptions:
                () =>
                ({ editor }) => {
                    const number = (title) => ({ title, format: "number", default: "3", min: "1", max: "100" });
                    const ask = updateAttrsDialog(
                        {
                            rows: number(gettext("Rows")),
                            cols: number(gettext("Columns")),
                            withHeaderRow: { title: gettext("Include header row"), type: "boolean" },
                        },
                        { title: gettext("Table Properties"), submitText: gettext("Insert Table") },
                    );
                    ask(editor, {}).then((answer) => {
                        if (answer) {
                            const { rows, cols, withHeaderRow } = answer;
                            editor.chain().focus().insertTable({ rows: +rows, cols: +cols, withHeaderRow }).run();
                        }
                    });
                    return true;
                },
        };
    },
});

// Gives the text what the form says of its field, which the library hides.
function nameText({ view }) {
    const field = view.dom.closest(".prose-editor").querySelector("textarea");
    const label = field.labels[0];
    if (label) {
        label.id ||= `${field.id}_label`;
        view.dom.setAttribute("aria-labelledby", label.id);
        label.addEventListener("click", () => view.focus());
    }
    for (const name of ["aria-describedby", "aria-invalid"]) {
        if (field.hasAttribute(name)) {
            view.dom.setAttribute(name, field.getAttribute(name));
        }
    }
    view.dom.setAttribute("aria-multiline", "true");
}

// Makes a menu button of the library's list of text styles, which only a mouse can open:
// https://www.w3.org/WAI/ARIA/apg/patterns/menu-button/
function makeMenuButton(place) {
    const [opener, menu] = place.children;
    const name = gettext("Text style");
    const items = () => [...menu.querySelectorAll("button:not(.hidden)")];
    const isOpen = () => menu.matches(":popover-open");
    opener.tabIndex = 0;
    opener.title = name;
    for (const [attribute, value] of Object.entries({ role: "button", "aria-haspopup": "menu", "aria-expanded": "false" })) {
        opener.setAttribute(attribute, value);
    }
    menu.setAttribute("role", "menu");
    menu.setAttribute("aria-label", name);
    for (const item of menu.querySelectorAll("button")) {
        item.setAttribute("role", "menuitem");
        item.tabIndex = -1;
    }

    // What the library shows in the opener is a copy of a button, each time another.
    const tell = () => {
        const [current] = opener.children;
        if (current) {
            current.inert = true;
            opener.setAttribute("aria-label", `${name}: ${current.getAttribute("aria-label")}`);
        }
    };
    new MutationObserver(tell).observe(opener, { childList: true });
    tell();

    opener.addEventListener("keydown", (event) => {
        if (["Enter", " ", "ArrowDown", "ArrowUp"].includes(event.key)) {
            event.preventDefault();
            opener.click();
            items().at(event.key === "ArrowUp" ? -1 : 0)?.focus();
        }
    });
    menu.addEventListener("toggle", () => opener.setAttribute("aria-expanded", isOpen()));
    menu.addEventListener("keydown", (event) => {
        const all = items();
        const at = all.indexOf(document.activeElement);
        const aim = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
        if (aim !== undefined) {
            event.preventDefault();
            all.at(aim % all.length).focus();
        } else if (event.key === "Escape" || event.key === "Tab") {
            // From the opener, Tab goes where it would have gone.
            event.stopPropagation();
            menu.hidePopover();
            opener.focus();
        }
    });
}

const PATIENCE = 8000; // milliseconds

export const Pasting = Extension.create({
    name: "pasting",
    // After what pastes an address onto words as a link, and cells into tables
    priority: 1,

    addOptions() {
        return { url: "", field: "", waiting: "", unanswered: "", leftOut: "", file: "" };
    },

    addProseMirrorPlugins() {
        return [pastingInto(this.options)];
    },
});

function pastingInto(options) {
    let pending = null; // what was pasted and is being cleaned
    let isInserting = false;
    let goOnAt = null; // where somebody writes meanwhile

    // The place where it goes moves with the words around it, and stays before those that are written there meanwhile.
    const moved = (place, { mapping }) =>
        place.map({ map: (at) => mapping.map(at, -1), mapResult: (at) => mapping.mapResult(at, -1) });
    const plugin = new Plugin({
        state: {
            init: () => null,
            apply(transaction, place) {
                const set = transaction.getMeta(plugin);
                return set === undefined ? place && moved(place, transaction) : set;
            },
        },
        view() {
            // Nothing that was pasted is lost by saving too soon.
            const finish = () => pending?.giveUp();
            document.addEventListener("submit", finish, true);
            return {
                destroy() {
                    document.removeEventListener("submit", finish, true);
                    pending = null;
                },
            };
        },
        props: {
            handleDOMEvents: {
                paste(view, event) {
                    const data = event.clipboardData;
                    const html = data?.getData("text/html");
                    const isOnlyFile = data && !html && !data.getData("text/plain") && data.files.length > 0;
                    say(view, isOnlyFile ? [options.file] : []);
                    // What comes from an editor like this one is clean.
                    if (!view.editable || !(isOnlyFile || html) || html.includes("data-pm-slice")) {
                        return false;
                    }
                    event.preventDefault();
                    pending?.giveUp();
                    if (html) {
                        clean(view, html);
                    }
                    return true;
                },
            },
            handlePaste(view, event, slice) {
                if (!isInserting) {
                    return false;
                }
                // Not as a paste, in which the library would take the words of links for their addresses.
                const { tr } = view.state;
                tr.replaceSelection(slice);
                if (goOnAt) {
                    tr.setSelection(goOnAt.map(tr.mapping).resolve(tr.doc));
                }
                view.dispatch(tr.scrollIntoView());
                return true;
            },
        },
    });

    function clean(view, html) {
        const insert = (cleaned, sentences) => {
            pending = null;
            const { selection, tr } = view.state;
            const place = plugin.getState(view.state).resolve(tr.doc);
            goOnAt = selection.eq(place) ? null : selection.getBookmark();
            view.dispatch(tr.setSelection(place).setMeta(plugin, null));
            isInserting = true;
            view.pasteHTML(cleaned);
            isInserting = false;
            say(view, sentences);
            if (sentences.length) {
                noteOf(view).scrollIntoView({ block: "nearest" });
            }
        };
        const mine = {
            giveUp() {
                const hasPictures = new DOMParser().parseFromString(html, "text/html").querySelector("img, video, iframe");
                insert(withOurHeadings(html), [options.unanswered, ...(hasPictures ? [options.leftOut] : [])]);
            },
        };
        pending = mine;
        view.dispatch(view.state.tr.setMeta(plugin, view.state.selection.getBookmark()));
        say(view, [options.waiting]);
        ask(options, html)
            .then(
                ({ html, sentences }) => () => insert(html, sentences),
                () => mine.giveUp,
            )
            .then((end) => pending === mine && end());
    }

    return plugin;
}

async function ask({ url, field }, html) {
    const body = new FormData();
    body.set("field", field);
    // Pictures do not come along, and may be large.
    body.set("html", html.replace(/\bsrc\s*=\s*("data:[^"]*"|'data:[^']*')/gi, 'src="data:"'));
    body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
    const response = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(PATIENCE) });
    if (!response.ok || response.redirected) {
        throw new Error(response.statusText);
    }
    return response.json();
}

// The editor knows two levels, and takes any other for paragraphs.
function withOurHeadings(html) {
    return html.replace(/(<\/?)h1\b/gi, "$1h2").replace(/(<\/?)h[4-6]\b/gi, "$1h3");
}

function say(view, sentences) {
    noteOf(view).textContent = sentences.join(" ");
}

function noteOf(view) {
    const editor = view.dom.closest(".prose-editor");
    let note = editor.nextElementSibling;
    if (!note?.classList.contains("pasting-note")) {
        note = document.createElement("p");
        note.className = "pasting-note";
        note.setAttribute("role", "status");
        editor.after(note);
    }
    return note;
}
