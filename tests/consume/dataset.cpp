// A consumer of kvmem::kvmem: a data set made in memory, saved and loaded again.
#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/core/error.hpp"

#include <cstdio>
#include <vector>

using namespace kvmem;

static QaDataset make_dataset() {
    QaDataset dataset;
    const Token peru = dataset.vocabulary.add(TokenKind::entity, "Peru");
    const Token lima = dataset.vocabulary.add(TokenKind::entity, "Lima");
    const Token capital = dataset.vocabulary.add(TokenKind::relation, "capital");
    dataset.info.title = "One fact";
    dataset.memory.key.push_row(std::vector{peru, capital});
    dataset.memory.value.push_row(std::vector{lima});
    dataset.candidates = {lima};
    Split& train = dataset.splits["train"];
    train.question.push_row(std::vector{peru});
    train.answer.push_row(std::vector{lima});
    dataset.count_tokens();
    return dataset;
}

int main(int, char** argv) try {
    const QaDataset dataset = make_dataset();
    save_dataset(dataset, argv[1]);
    const QaDataset loaded = load_dataset(argv[1]);
    const bool same = loaded.memory == dataset.memory && loaded.vocabulary.size() == dataset.vocabulary.size() &&
                      loaded.split("train") == dataset.split("train");
    std::printf("%d tokens, saved and loaded: %s\n", int{loaded.vocabulary.size()}, same ? "the same" : "not the same");
    return same ? 0 : 1;
} catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
}
