#include "sequence_source.hpp"

#include "field_options.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/sequences/model_file.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "kvmem/train/group.hpp"
#include "kvmem/train/session.hpp"
#include "sequence_memory.hpp"
#include "task_table.hpp"

#include <algorithm>
#include <iostream>
#include <optional>

namespace kvmem::apps {

namespace fs = std::filesystem;

SequenceSource::SequenceSource(std::vector<std::unique_ptr<SequenceNetwork>> networks)
    : networks_(std::move(networks)) {
    if (networks_.size() == 1) return;
    std::vector<const SequenceModel*> models;
    for (const auto& network : networks_) models.push_back(network.get());
    ensemble_ = std::make_unique<Ensemble>(std::move(models));
}

std::vector<std::string> SequenceSource::head_names() const {
    Ragged<Token> source;
    source.end_row();
    const auto decoding = model().begin(source);
    std::vector<std::string> names;
    for (Index head = 0; head < decoding->heads(); ++head) names.push_back(decoding->head_name(head));
    return names;
}

void SequenceSource::set_memory(store::MemoryStore memory, const MemoryOptions& options) {
    memory_ = std::make_unique<store::MemoryStore>(std::move(memory));
    set_memory(options);
}

void SequenceSource::set_memory(const MemoryOptions& options) {
    memory_model_ = std::make_unique<MemoryModel>(base_model(), *memory_, options);
}

std::vector<Token> SequenceSource::tokens_of(const std::string& line, const std::string& where) const {
    constexpr std::size_t max_bytes = std::size_t{64} << 10;
    if (line.size() > max_bytes)
        throw Error({.what = "the line is too long",
                     .expected = "at most 64 KiB",
                     .got = plural(std::ssize(line), "byte"),
                     .where = where});
    try {
        std::vector<Token> tokens = first().source_units().encode(line);
        if (tokens.empty()) throw Error({.what = "the line is empty", .expected = "a source"});
        return tokens;
    } catch (const Error& e) {
        throw Error(e.problem_at(where));
    }
}

void add_search_options(po::options_description& options, GenerateOptions defaults) {
    options.add_options()("with", po::value<std::vector<std::string>>()->composing(),
                          "another run or model file with the same symbols, for the mean of the models' probabilities; "
                          "may be given several times")  //
        ("weights", po::value<std::string>()->default_value("f32"),
         "of the model's layers: f32; bf16 or int8, which are read faster and are less exact");
    add_field_options(options, defaults);
}

void add_memory_options(po::options_description& options) {
    options.add_options()(
        "memory,m", po::value<std::vector<std::string>>()->composing(),
        "pairs or texts whose nearest states of the model share in its probabilities: a data set (its train split), a "
        "text file, or a store that 'kvmem index --run' made; may be given several times");
    MemoryOptions memory;
    add_field_options(options, memory);
}

GenerateOptions search_options(const po::variables_map& values, GenerateOptions defaults) {
    set_from_options(defaults, values);
    // Where several results are wanted, the beam has room for them.
    if (!values.count("beam") && !defaults.sample) defaults.beam = std::max(defaults.beam, defaults.n_best);
    return validated(defaults);
}

static std::unique_ptr<SequenceNetwork> open_network(const fs::path& run) {
    return load_sequence_network(model_file_of(run));
}

static WeightForm weight_form(const po::variables_map& values) {
    const std::string name = values["weights"].as<std::string>();
    require_option(name == "f32" || name == "bf16" || name == "int8", "weights", "f32, bf16 or int8");
    return name == "f32" ? WeightForm::f32 : name == "bf16" ? WeightForm::bf16 : WeightForm::int8;
}

// The models of these runs or model files, packed as "weights" says.
static SequenceSource open_networks(const std::vector<fs::path>& paths, const po::variables_map& values, bool text) {
    std::vector<std::unique_ptr<SequenceNetwork>> networks;
    for (const fs::path& path : paths) {
        networks.push_back(open_network(path));
        if (values.count("weights")) networks.back()->pack(weight_form(values));
        const SequenceNetwork& network = *networks.back();
        if ((dynamic_cast<const TextNetwork*>(&network) != nullptr) != text)
            throw Error({.what = text ? "the model does not go on with texts" : "the model has no sources",
                         .expected = text ? "a text model" : "a model of pairs",
                         .got = "a " + network.name(),
                         .where = path.string(),
                         .hint = text ? "see 'kvmem translate'" : "see 'kvmem generate'"});
        if (!(network.source_units() == networks.front()->source_units()) ||
            !(network.target_units() == networks.front()->target_units()))
            throw Error({.what = "the models have different symbols",
                         .expected = "models of one data set",
                         .where = path.string()});
    }
    return SequenceSource(std::move(networks));
}

// "run", and those of "with".
static std::vector<fs::path> runs_of(const po::variables_map& values) {
    std::vector<fs::path> paths{find_run(values)};
    if (values.count("with"))
        for (const std::string& path : values["with"].as<std::vector<std::string>>()) paths.emplace_back(path);
    return paths;
}

SequenceSource open_without_memory(const po::variables_map& values, bool text) {
    return open_networks(runs_of(values), values, text);
}

// Reads the files of "memory" beside the models.
static SequenceSource with_memory(SequenceSource source, const po::variables_map& values) {
    MemoryOptions options;
    set_from_options(options, values);
    if (!values.count("memory")) {
        for (const FieldText& field : field_texts(options))
            require_option(!values.count(option_of(field.name)), option_of(field.name).c_str(), "--memory beside it");
        return source;
    }
    source.set_memory(memory_of_files(values["memory"].as<std::vector<std::string>>(), source), validated(options));
    return source;
}

SequenceSource open_sequence_models(const po::variables_map& values, bool text) {
    return with_memory(open_without_memory(values, text), values);
}

std::vector<TaskSource> open_task_models(const po::variables_map& values) {
    const std::vector<fs::path> runs = runs_of(values);
    const RunFiles files{runs[0]};
    std::optional<RunConfig> config;
    if (is_folder(runs[0]) && is_there(files.config())) config = files.read_config(sequence_transduction());
    std::vector<TaskSource> all;
    if (!config || !config->per_task) {
        const bool own_data = config && !values.count("data") && !values.count("pairs");
        all.push_back({open_sequence_models(values), own_data ? config->tasks : std::vector<std::string>{}});
        return all;
    }
    require_option(runs.size() == 1, "with", "no run with a model for each task beside it");
    for (const MemberRun& member : member_runs(files, *config, sequence_transduction().parts(*config)))
        all.push_back({with_memory(open_networks({member.files.directory}, values, false), values), member.tasks});
    if (all.empty()) files.model();  // throws: there is none
    return all;
}

std::vector<Index> alignment_of(const Generated& result, Index head) {
    std::vector<Index> positions;
    for (Index row = head; row < result.weights.size(); row += result.heads) {
        const auto weights = result.weights[row];
        if (!weights.empty()) positions.push_back(std::ranges::max_element(weights) - weights.begin());
    }
    return positions;
}

std::string symbol_text(const Units& units, Token token) {
    const std::string& text = units.text(token);
    return text == " " ? "␣" : printable(text);
}

bool SymbolPrinter::add(Token token) {
    constexpr std::size_t longest = 4;  // bytes of a character
    waiting_.push_back(token);
    const std::string text = units_.decode(waiting_);
    if (units_.kind() == UnitKind::bpe && text.ends_with("\uFFFD") && waiting_.size() < longest) return true;
    std::cout << (units_.kind() == UnitKind::words && !first_ ? " " : "") << text << std::flush;
    waiting_.clear();
    first_ = false;
    return true;
}

void SymbolPrinter::finish() {
    std::cout << units_.decode(waiting_) << std::flush;
    waiting_.clear();
}

}  // namespace kvmem::apps
