#include "train/model_card.hpp"

#include "kvmem/core/text.hpp"

#include <algorithm>
#include <sstream>

namespace kvmem {

// A text of others as Markdown that shows it: no HTML, link, code or end of a table's cell.
static std::string shown(const std::string& text) {
    std::string safe;
    for (const char c : printable(text)) {
        if (std::string_view("\\`*[]<>|").find(c) != std::string_view::npos) safe += '\\';
        safe += c;
    }
    return safe;
}

static std::string or_unknown(const std::string& text) { return text.empty() ? "not stated" : shown(text); }

// Within `code`, where no sign can be escaped.
static std::string in_code(const std::string& text) {
    std::string safe = printable(text);
    std::ranges::replace(safe, '`', '\'');
    return safe;
}

static std::string capitalized(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}

std::string model_card(const Model& model, const QaDataset& dataset, const RunConfig& config, const TrainerState& state,
                       StopReason reason, const std::string& directory) {
    const DatasetInfo& info = dataset.info;
    std::ostringstream card;
    card << "# " << capitalized(model.name()) << ": " << or_unknown(info.title) << "\n\n"
         << model.summary() << " and " << model.parameters().count()
         << " parameters, made by `kvmem train`. It answers questions\n"
         << "from the facts of a memory; it holds no facts itself. It answers with one of " << model.candidates().size()
         << " names, whether or not one is right.\n\n"
         << "| | |\n|---|---|\n"
         << "| data | " << shown(config.data) << " |\n"
         << "| source | " << or_unknown(info.source) << " |\n"
         << "| license of the data | " << or_unknown(info.license) << " |\n"
         << "| training questions | " << dataset.split("train").size() << " |\n";
    if (dataset.memory.size() > 0) card << "| memory | " << dataset.memory.size() << " slots |\n";
    card << "| stopped | " << describe(reason) << ", after " << state.epoch << " epochs and " << state.seconds
         << " s |\n";
    if (state.best)
        card << "| hits@1 on the validation split | " << *state.best << ", after epoch " << state.best_epoch << " |\n";
    card << "\nSettings: `config.json`. Curves: `metrics.jsonl`, or `tensorboard --logdir .`. Ask it: `kvmem ask "
         << in_code(directory) << " \"...\"`.\n";
    return card.str();
}

}  // namespace kvmem
