#include "train/model_card.hpp"

#include "kvmem/core/text.hpp"

#include <algorithm>
#include <sstream>

namespace kvmem {

// Markdown that shows a foreign text as it is: it makes no HTML, link, code or end of a table's cell. GitHub's Markdown
// turns bare addresses into links, too. A backslash stops that for "://" and "www.", and an empty comment for "@".
static std::string escaped(const std::string& text) {
    const std::string plain = printable(text);
    std::string safe;
    for (std::size_t at = 0; at < plain.size(); ++at) {
        const char c = plain[at];
        const bool begins_link = plain.compare(at, 3, "://") == 0 || (c == '.' && safe.ends_with("www"));
        if (begins_link || std::string_view("\\`*[]<>|").find(c) != std::string_view::npos) safe += '\\';
        if (c == '@') safe += "<!-- -->";
        safe += c;
    }
    return safe;
}

// Text within backquotes, which nothing can escape there.
static std::string in_code(const std::string& text) {
    std::string safe = printable(text);
    std::ranges::replace(safe, '`', '\'');
    return safe;
}

static std::string capitalized(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}

std::string model_card(Objective& objective, const ScoreType& score, const RunConfig& config, const TrainerState& state,
                       StopReason reason, const std::string& directory) {
    Description description = objective.describe(in_code(directory));
    if (description.title.empty()) description.title = config.model.kind();
    if (description.summary.empty()) description.summary = "A model of the kind " + config.model.kind();
    std::ostringstream card;
    card << "# " << escaped(capitalized(description.title)) << "\n\n"
         << escaped(description.summary) << " and " << objective.parameters().count()
         << " parameters, made by `kvmem train`.\n"
         << description.about << (description.about.empty() ? "\n" : "\n\n") << "| | |\n|---|---|\n";
    if (!config.data.empty()) card << "| data | " << escaped(config.data) << " |\n";
    for (const auto& [name, text] : description.facts) card << "| " << name << " | " << escaped(text) << " |\n";
    for (const auto& [noun, count] : description.counts) card << "| " << noun << "s | " << count << " |\n";
    card << "| stopped | " << describe(reason) << ", after " << state.epoch << " epochs and " << state.seconds
         << " s |\n";
    if (state.best)
        card << "| " << score.label << " on the validation split | " << *state.best << ", after epoch "
             << state.best_epoch << " |\n";
    card << "\nSettings: `config.json`. Curves: `metrics.jsonl`, or `tensorboard --logdir .`. " << description.use
         << "\n";
    return card.str();
}

}  // namespace kvmem
