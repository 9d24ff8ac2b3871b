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
        for (const opener of editor.view.dom.parentElement.querySelectorAll(".prose-menubar__selected")) {
            opener.title = gettext("Text style");
        }
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
