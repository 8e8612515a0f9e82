#include "plot_vectors.hpp"

#include "kvmem/nn/pca.hpp"
#include "plot_page.hpp"
#include "svg.hpp"

#include <algorithm>

namespace kvmem::apps {

// Up to `max` tokens that training saw, the most frequent ones first.
static std::vector<Token> frequent_tokens(const Vocabulary& vocabulary, std::size_t max) {
    std::vector<Token> tokens;
    for (Token token = 0; token < vocabulary.size(); ++token)
        if (vocabulary.kind(token) != TokenKind::special && vocabulary.count(token) > 0) tokens.push_back(token);
    std::ranges::stable_sort(tokens, std::greater(), [&](Token token) { return vocabulary.count(token); });
    tokens.resize(std::min(tokens.size(), max));
    return tokens;
}

static std::string axis_label(const PrincipalComponents& found, std::size_t i) {
    const double share = found.total_variance > 0 ? found.variance[i] / found.total_variance : 0;
    return "component " + std::to_string(i + 1) + ", " + decimal(100 * share, 1) + " % of the variance";
}

std::string vectors_section(const Model& model) {
    constexpr std::size_t max_points = 600, max_labels = 60;
    const Vocabulary& vocabulary = model.vocabulary();
    const auto table = std::ranges::find_if(model.parameters(), [&](const Parameter& p) {
        return p.value.rows() == vocabulary.size() && p.value.cols() >= 2;
    });
    const std::vector<Token> tokens = frequent_tokens(vocabulary, max_points);
    if (table == model.parameters().end() || tokens.size() < 3) return {};
    Matrix vectors(std::ssize(tokens), table->value.cols());
    for (Index i = 0; i < vectors.rows(); ++i) std::copy_n(table->value.row(tokens[i]), vectors.cols(), vectors.row(i));
    const PrincipalComponents found = pca(vectors, 2);
    ScatterChart plane{axis_label(found, 0), axis_label(found, 1), {}, max_labels};
    for (Index i = 0; i < vectors.rows(); ++i)
        plane.points.push_back({double{found.coordinates(i, 0)}, double{found.coordinates(i, 1)},
                                vocabulary.text(tokens[i]),
                                vocabulary.kind(tokens[i]) == TokenKind::word ? "first" : "second"});
    return tag("h2", "Vectors of words and names") +
           tag("p", "The most frequent words (blue), names and relations (orange) of the training data, in the two " +
                        std::string("directions in which their vectors vary most (principal components).")) +
           chart(svg(plane));
}

}  // namespace kvmem::apps
