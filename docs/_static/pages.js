// What the pages do: copy code, show a picture in its own size, tell frames the colours of the page.
"use strict";

/** The code of a block, without prompts and without what was printed. */
function codeOf(block) {
    const lines = block.innerText.replace(/\n$/, "").split("\n");
    if (!lines.some((line) => line.startsWith(">>> "))) return lines.join("\n");
    return lines.filter((line) => /^(>>>|\.\.\.)( |$)/.test(line)).map((line) => line.slice(4)).join("\n");
}

async function copy(text) {
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        const area = document.body.appendChild(document.createElement("textarea"));
        area.value = text;
        area.select();
        document.execCommand("copy"); // where a page from a file has no clipboard
        area.remove();
    }
}

function addCopyButtons() {
    for (const block of document.querySelectorAll("article div.highlight > pre")) {
        if (block.closest(".cell_output")) continue; // what was printed is no code
        const button = document.createElement("button");
        button.className = "copy";
        button.type = "button";
        button.title = "Copy the code";
        button.textContent = "Copy";
        button.addEventListener("click", async () => {
            await copy(codeOf(block));
            button.textContent = "Copied";
            setTimeout(() => (button.textContent = "Copy"), 1500);
        });
        block.parentElement.append(button);
    }
}

function openOnClick() {
    const dialog = document.body.appendChild(document.createElement("dialog"));
    dialog.className = "full-size";
    dialog.addEventListener("click", () => dialog.close());
    const show = (picture) => {
        const whole = picture.cloneNode(true);
        whole.removeAttribute("tabindex");
        dialog.replaceChildren(whole);
        dialog.showModal();
    };
    const pictures = "article div.picture > svg, article .cell_output img, article p > img";
    for (const picture of document.querySelectorAll(pictures)) {
        if (picture.closest("a, nav")) continue;
        picture.tabIndex = 0;
        picture.classList.add("opens");
        picture.addEventListener("click", () => show(picture));
        picture.addEventListener("keydown", (event) => {
            if (event.key === "Enter") show(picture);
        });
    }
}

function followTheme() {
    const root = document.documentElement;
    const frames = document.querySelectorAll("article iframe");
    const tell = (frame) => {
        const inside = frame.contentDocument;
        if (inside && root.dataset.theme) inside.documentElement.dataset.theme = root.dataset.theme;
    };
    frames.forEach((frame) => frame.addEventListener("load", () => tell(frame)));
    const all = () => frames.forEach(tell);
    new MutationObserver(all).observe(root, { attributeFilter: ["data-theme"] });
    all();
}

document.addEventListener("DOMContentLoaded", () => {
    addCopyButtons();
    openOnClick();
    followTheme();
});
