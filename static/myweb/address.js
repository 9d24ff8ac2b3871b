"use strict";

// Makes a page's address from its title, as slugify() in pages/texts.py does. Django's own leaves combining marks out,
// without which words in Hindi, Tamil or Thai are others.
window.URLify = (title, length) =>
    title
        .normalize("NFKC")
        .toLowerCase()
        .replace(/[^-_\p{L}\p{M}\p{N}\s]|[\u115f\u1160\u3164\uffa0]/gu, "")
        .replace(/[-\s]+/g, "-")
        .replace(/^[-_]+/, "")
        .replace(/(^|[-_])\p{M}+/gu, "$1")
        .normalize("NFC")
        .substring(0, length)
        .replace(/[-_]+$/, "");
