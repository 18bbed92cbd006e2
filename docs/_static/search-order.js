// The order of what a search finds: first what is called like that, then pages to read, then the
// reference, and members of classes last.
const asked = new URLSearchParams(location.search).get("q")?.trim().toLowerCase();

var Scorer = {
    score: ([page, title, , , score, , kind]) => {
        if (title.toLowerCase() === asked) return score + 20;
        if (!/^(api|ops)\//.test(page)) return score + 2;
        return page.startsWith("api/") && kind === "object" ? score - 20 : score;
    },
    // the rest is as Sphinx has it
    objNameMatch: 11,
    objPartialMatch: 6,
    objPrio: { 0: 15, 1: 5, 2: -5 },
    objPrioDefault: 0,
    title: 15,
    partialTitle: 7,
    term: 5,
    partialTerm: 2,
};
