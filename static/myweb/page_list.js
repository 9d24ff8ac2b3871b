"use strict";

// Opens branches of the list of pages in place, and moves pages: by drag, or by "Move" and then "Put" at the new place.
// The list stays a table with buttons, which every screen reader knows, on phones too; few know a treegrid.
document.addEventListener("DOMContentLoaded", () => {
    const list = document.getElementById("page-list");
    const body = list?.querySelector("#result_list tbody");
    if (!body) {
        return;
    }
    const texts = JSON.parse(document.getElementById("page-list-texts").textContent);
    const isBranch = list.dataset.branch === "yes";
    const HOVER = 700; // milliseconds over a closed branch, after which it opens
    const MOST_LOADS = 5; // of a branch, to show a page that was moved there
    const KEPT = 20; // branches that are opened again when the list is

    // What outlives this document, in this tab
    const stored = (name, otherwise) => JSON.parse(sessionStorage.getItem(`pages-${name}`) ?? JSON.stringify(otherwise));
    const store = (name, value) => sessionStorage.setItem(`pages-${name}`, JSON.stringify(value));
    const open = new Map(stored("open", [])); // how much of each open branch is shown, in loads
    let moving = stored("moving", []); // pages on their way: {key, title}

    function element(name, attributes = {}, ...children) {
        const made = document.createElement(name);
        for (const [key, value] of Object.entries(attributes)) {
            made.setAttribute(key, value);
        }
        made.append(...children);
        return made;
    }

    const fill = (text, words) => text.replace(/%\((\w+)\)s/g, (_all, name) => words[name]);
    const rows = () => [...body.querySelectorAll("tr[data-key]")];
    const rowOf = (key) => body.querySelector(`tr[data-key="${key}"]`);
    const titleOf = (row) => row.querySelector(".page-title").textContent;
    const pageOf = (row) => ({key: row.dataset.key, title: titleOf(row)});
    const level = (row) => Number(row.dataset.level);

    // Rows

    function dress(row, depth, parent) {
        const place = row.querySelector(".page-row");
        row.dataset.key = place.dataset.key;
        row.dataset.level = depth;
        row.dataset.parent = parent;
        row.style.setProperty("--level", depth);
        const title = titleOf(row);
        if (depth) {
            place.prepend(element("span", {class: "visually-hidden"}, fill(texts.level, {level: depth + 1}) + ": "));
        }
        const link = row.querySelector(".page-branch");
        if (link && isBranch) {
            const attributes = {type: "button", class: "page-branch", "aria-expanded": "false", title: link.title};
            const button = element("button", {...attributes, "data-number": link.textContent}, link.textContent);
            button.append(element("span", {class: "visually-hidden"}, ` – ${link.title}`));
            link.replaceWith(button);
        }
        if (texts.mayMove) {
            const grip = element("span", {class: "page-grip", draggable: "true", "aria-hidden": "true"}, "⠿");
            grip.title = fill(texts.grip, {page: title});
            place.prepend(grip);
        }
        // Back to this list, not to the branch alone
        for (const anchor of row.querySelectorAll("a[href*='_changelist_filters']")) {
            const url = new URL(anchor.href);
            url.searchParams.delete("_changelist_filters");
            if (location.search) {
                url.searchParams.set("_changelist_filters", location.search.slice(1));
            }
            anchor.href = url;
        }
        if (moving.length) {
            offer(row);
        }
        return row;
    }

    async function load(query) {
        const response = await fetch(query || location.pathname);
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        if (!response.ok || !page.getElementById("page-list")) {
            throw new Error(`${response.status} ${response.url}`);
        }
        return [...page.querySelectorAll("#result_list tbody tr")].map((row) => document.importNode(row, true));
    }

    // The rows of a branch and of those that are open below it
    async function branch(key, depth, number, title) {
        const loads = open.get(key) ?? 1;
        const parts = await Promise.all(
            Array.from({length: loads}, (_each, index) => load(`?below=${key}` + (index ? `&p=${index + 1}` : ""))),
        );
        const found = await expand(parts.flat().map((row) => dress(row, depth, key)));
        const shown = parts.flat().length;
        if (shown && shown < number) {
            const more = element("button", {type: "button", "data-branch": key});
            more.textContent = fill(texts.more, {count: number, page: title});
            const cell = element("td", {colspan: body.rows[0].cells.length}, more);
            const row = element("tr", {class: "page-more", "data-level": depth}, cell);
            row.style.setProperty("--level", depth);
            found.push(row);
        }
        return found;
    }

    async function expand(given) {
        const parts = await Promise.all(
            given.map(async (row) => {
                const button = row.querySelector("button.page-branch");
                if (!button || !open.has(row.dataset.key)) {
                    return [row];
                }
                const below = await branch(row.dataset.key, level(row) + 1, Number(button.dataset.number), titleOf(row));
                button.setAttribute("aria-expanded", "true");
                return [row, ...below];
            }),
        );
        return parts.flat();
    }

    function below(row) {
        const found = [];
        for (let next = row.nextElementSibling; next && level(next) > level(row); next = next.nextElementSibling) {
            found.push(next);
        }
        return found;
    }

    async function openBranch(row) {
        const button = row.querySelector("button.page-branch");
        if (button.getAttribute("aria-busy")) {
            return;
        }
        button.setAttribute("aria-busy", "true");
        if (!open.has(row.dataset.key)) {
            open.set(row.dataset.key, 1);
        }
        try {
            const found = await branch(row.dataset.key, level(row) + 1, Number(button.dataset.number), titleOf(row));
            below(row).forEach((each) => each.remove());
            row.after(...found);
            button.setAttribute("aria-expanded", "true");
            announce(fill(texts.opened, {count: found.filter((each) => each.dataset.key).length, page: titleOf(row)}));
        } catch {
            open.delete(row.dataset.key);
            say(texts.failed);
        }
        button.removeAttribute("aria-busy");
        store("open", [...open].slice(-KEPT));
        count();
    }

    function closeBranch(row) {
        below(row).forEach((each) => each.remove());
        row.querySelector("button.page-branch").setAttribute("aria-expanded", "false");
        open.delete(row.dataset.key);
        store("open", [...open]);
        count();
    }

    async function refresh() {
        const found = await load(location.search);
        const root = new URLSearchParams(location.search).get("below") ?? "";
        body.replaceChildren(...(await expand(found.map((row) => dress(row, 0, root)))));
        count();
    }

    // What is said

    const status = element("div", {class: "visually-hidden", role: "status"});
    const bar = element("div", {class: "page-bar", role: "region", "aria-label": texts.bar});
    bar.hidden = true;
    list.append(status, bar);

    function announce(sentence) {
        status.textContent = sentence;
    }

    function button(text, action, label) {
        const made = element("button", {type: "button", class: "button"}, text);
        if (label) {
            made.setAttribute("aria-label", label);
        }
        made.addEventListener("click", action);
        return made;
    }

    function say(sentence, ...buttons) {
        const close = button(texts.close, () => (bar.hidden = true));
        bar.replaceChildren(element("span", {}, sentence), ...buttons, close);
        bar.hidden = false;
        announce(sentence);
    }

    // Moving

    function offer(row) {
        const tools = row.querySelector(".page-tools");
        tools.querySelector(".page-put")?.remove();
        const isMoving = moving.some((page) => page.key === row.dataset.key);
        row.classList.toggle("page-moving", isMoving);
        tools.classList.toggle("page-offering", moving.length > 0);
        if (!moving.length) {
            return;
        }
        const put = element("div", {class: "page-put"});
        if (isMoving) {
            put.append(button(texts.cancel, () => cancel(row)));
        } else {
            const words = {page: titleOf(row)};
            for (const where of ["before", "after", "below"]) {
                put.append(button(texts[where], () => move(moving, where, row), fill(texts[`${where}Page`], words)));
            }
        }
        tools.append(put);
    }

    function begin(pages) {
        moving = pages;
        store("moving", moving);
        rows().forEach(offer);
        if (!moving.length) {
            return;
        }
        const text = moving.length > 1 ? texts.movingSeveral : texts.moving;
        const sentence = fill(text, {page: moving[0].title, count: moving.length});
        const top = button(texts.top, () => move(moving, "below", null));
        bar.replaceChildren(element("span", {}, sentence), top, button(texts.cancel, () => cancel()));
        bar.hidden = false;
        announce(sentence);
    }

    function cancel(row) {
        begin([]);
        bar.hidden = true;
        announce(texts.cancelled);
        row?.querySelector(".page-move").focus();
    }

    // All that are ticked, if this one is
    function chosen(row) {
        const ticked = rows().filter((each) => each.querySelector(".action-select")?.checked);
        return (ticked.includes(row) && ticked.length > 1 ? ticked : [row]).map(pageOf);
    }

    async function send(url, data) {
        const token = document.querySelector("#changelist-form [name=csrfmiddlewaretoken]").value;
        const headers = {Accept: "application/json", "X-CSRFToken": token};
        const response = await fetch(url, {method: "POST", headers, body: new URLSearchParams(data)});
        if (!response.headers.get("Content-Type")?.startsWith("application/json")) {
            throw new Error(`${response.status} ${response.url}`);
        }
        return [response.ok, await response.json()];
    }

    async function move(pages, where, row) {
        const data = [...pages.map((page) => ["pages", page.key]), ["where", where], ["target", row?.dataset.key ?? ""]];
        await change(texts.move, data);
    }

    // Move, or undo it, and show where the first page is now
    async function change(url, data) {
        try {
            const [isDone, {said, undo, key, below: branchKey, load: part}] = await send(url, data);
            if (!isDone) {
                say(said);
                return;
            }
            if (isBranch && branchKey && part <= MOST_LOADS) {
                open.set(branchKey, Math.max(open.get(branchKey) ?? 1, part));
                store("open", [...open].slice(-KEPT));
            }
            begin([]);
            await refresh();
            const back = button(texts.undo, () => change(undo, []));
            const row = rowOf(key);
            const query = new URLSearchParams({...(branchKey && {below: branchKey}), p: part});
            const link = element("a", {class: "button", href: `?${query}`}, texts.show);
            say(said, back, ...(row ? [] : [link]));
            row?.classList.add("page-moved");
            (row?.querySelector(".page-title") ?? back).focus();
        } catch {
            say(texts.failed);
        }
    }

    // Dragging

    let dragged = [];
    let hovering; // the row over which something is
    let timer;

    function leave() {
        clearTimeout(timer);
        hovering?.classList.remove("page-before", "page-after", "page-below");
        hovering = null;
    }

    function whereOf(row, event) {
        const box = row.getBoundingClientRect();
        const part = (event.clientY - box.top) / box.height;
        return part < 0.25 ? "before" : part > 0.75 ? "after" : "below";
    }

    body.addEventListener("dragstart", (event) => {
        const row = event.target.closest?.(".page-grip")?.closest("tr");
        if (row) {
            dragged = chosen(row);
            event.dataTransfer.effectAllowed = "move";
            event.dataTransfer.setData("text/plain", dragged.map((page) => page.title).join(", "));
            event.dataTransfer.setDragImage(row, 0, 0);
        }
    });
    body.addEventListener("dragover", (event) => {
        const row = event.target.closest("tr[data-key]");
        if (!row || !dragged.length || dragged.some((page) => page.key === row.dataset.key)) {
            leave();
            return;
        }
        event.preventDefault();
        const where = whereOf(row, event);
        if (row !== hovering || !row.classList.contains(`page-${where}`)) {
            leave();
            hovering = row;
            row.classList.add(`page-${where}`);
            if (where === "below" && row.querySelector("button.page-branch[aria-expanded=false]")) {
                timer = setTimeout(() => openBranch(row), HOVER);
            }
        }
    });
    body.addEventListener("dragleave", (event) => {
        if (!body.contains(event.relatedTarget)) {
            leave();
        }
    });
    body.addEventListener("drop", (event) => {
        const row = event.target.closest("tr[data-key]");
        if (row && dragged.length) {
            event.preventDefault();
            move(dragged, whereOf(row, event), row);
        }
    });
    body.addEventListener("dragend", () => {
        leave();
        dragged = [];
    });

    // Clicks and keys

    body.addEventListener("click", (event) => {
        const row = event.target.closest("tr");
        if (event.target.closest("button.page-branch")) {
            const isOpen = event.target.closest("button").getAttribute("aria-expanded") === "true";
            (isOpen ? closeBranch : openBranch)(row);
        } else if (event.target.closest(".page-more button")) {
            const {branch: key} = event.target.dataset;
            open.set(key, (open.get(key) ?? 1) + 1);
            const parent = rowOf(key);
            const before = row.previousElementSibling;
            openBranch(parent).then(() => rowOf(before.dataset.key)?.nextElementSibling?.querySelector("a, button")?.focus());
        } else if (event.target.closest(".page-move") && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
            event.preventDefault();
            begin(chosen(row));
            row.querySelector(".page-put button").focus();
        }
    });

    document.addEventListener("click", (event) => {
        const undo = event.target.closest("a.page-undo");
        if (undo) {
            event.preventDefault();
            undo.closest("li").remove();
            change(undo.href, []);
        }
    });

    const CONTROLS = [".page-branch", ".page-title", ".page-move", ".page-copy", ".page-put button"];

    body.addEventListener("keydown", (event) => {
        const row = event.target.closest("tr[data-key]");
        const control = CONTROLS.find((selector) => event.target.matches(selector));
        if (!row || !control || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) {
            return;
        }
        const index = [...row.querySelectorAll(control)].indexOf(event.target);
        const sideways = event.key === "ArrowRight" ? "false" : event.key === "ArrowLeft" ? "true" : "";
        const button = row.querySelector("button.page-branch");
        let aim;
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            const step = event.key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling";
            for (let next = row[step]; next && !aim; next = next[step]) {
                const found = next.querySelectorAll(control);
                aim = found[Math.min(index, found.length - 1)];
            }
        } else if (sideways && button?.getAttribute("aria-expanded") === sideways) {
            (sideways === "true" ? closeBranch : openBranch)(row);
            aim = event.target;
        } else if (event.key === "ArrowLeft" && level(row)) {
            aim = rowOf(row.dataset.parent)?.querySelector(control);
        }
        if (aim) {
            event.preventDefault();
            aim.focus();
        }
    });

    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && moving.length) {
            cancel(body.querySelector("tr.page-moving"));
        }
    });

    // Django's own script counts only the rows that were there when it began.
    const all = document.getElementById("action-toggle");
    const counter = list.querySelector(".action-counter");

    function count() {
        const boxes = [...body.querySelectorAll(".action-select")];
        const ticked = boxes.filter((box) => box.checked);
        boxes.forEach((box) => box.closest("tr").classList.toggle("selected", box.checked));
        if (all && counter) {
            all.checked = boxes.length > 0 && ticked.length === boxes.length;
            counter.textContent = fill(texts.selected, {count: ticked.length});
        }
    }

    // After what Django's script does with the same event
    list.addEventListener("change", (event) => {
        if (event.target.matches(".action-select")) {
            setTimeout(count);
        }
    });
    all?.addEventListener("click", () => {
        const isTicked = all.checked;
        setTimeout(() => {
            body.querySelectorAll(".action-select").forEach((box) => (box.checked = isTicked));
            count();
        });
    });

    const root = new URLSearchParams(location.search).get("below") ?? "";
    [...body.rows].forEach((row) => dress(row, 0, root));
    if (moving.length) {
        begin(moving);
    }
    if (isBranch && open.size) {
        expand([...body.rows]).then((found) => {
            body.replaceChildren(...found);
            count();
        });
    }
});
