// The order of what a search finds: pages to read come before members of classes.
var Scorer = {
    score: ([page, , , , score, , kind]) => {
        if (/^(api|ops)\//.test(page)) return page.startsWith("api/") && kind === "object" ? score - 20 : score;
        return score + 2;
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
