#include "train_options.hpp"

#include "kvmem/train/presets.hpp"

#include <sstream>

namespace kvmem::apps {

namespace {

enum class Of { model, trainer };

// An option and the field that it sets; a switch sets it to `value`.
struct Option {
    const char* name;
    Of of;
    const char* field;
    const char* help;
    const char* value = nullptr;
};

constexpr Option all_options[] = {
    {"epochs", Of::trainer, "epochs", "passes over the training split, at most"},
    {"batch", Of::trainer, "batch", "questions in a step; for a model that reads stories: stories"},
    {"shards", Of::trainer, "shards", "parts of a batch that run at once"},
    {"optimizer", Of::trainer, "optimizer", "sgd, adagrad or adam"},
    {"rate", Of::trainer, "rate", "learning rate"},
    {"decay", Of::trainer, "decay", "of the rate: constant, linear, cosine or halve"},
    {"halve-every", Of::trainer, "halve_every", "epochs, with --decay halve"},
    {"warmup", Of::trainer, "warmup", "share of training in which the rate rises"},
    {"clip", Of::trainer, "clip", "longest gradient; 0: any"},
    {"sum-losses", Of::trainer, "sum_losses", "follow the sum of a batch's losses, not the mean: yes or no"},
    {"balance", Of::trainer, "balance", "repeat the questions of tasks that have fewer than others", "yes"},
    {"focus", Of::trainer, "focus", "ask more about tasks that the last validation found wrong", "yes"},
    {"start-rate", Of::trainer, "start_rate", "learning rate of the linear start; 0: the usual one"},
    {"start-patience", Of::trainer, "start_patience", "epochs in which the linear start's loss has come no lower"},
    {"start-epochs", Of::trainer, "start_epochs", "of the linear start, at most"},
    {"patience", Of::trainer, "patience", "epochs without improvement before giving up; 0: never"},
    {"max-time", Of::trainer, "max_seconds", "seconds of training, at most; 0: any"},
    {"target-metric", Of::trainer, "target_metric", "validation hits@1 (0 to 1) that is enough"},
    {"check-nan", Of::trainer, "check_nan", "look at every parameter after each step", "yes"},
    {"save-every", Of::trainer, "save_seconds", "seconds between checkpoints"},
    {"width", Of::model, "width", "of the embeddings"},
    {"hops", Of::model, "hops", "reads of the memory"},
    {"tying", Of::model, "tying",
     "of tables. kv-mem-nn: shared (one for all), answers (one more for answers), sides (questions and keys / values "
     "and answers). mem-n2n: adjacent or layerwise"},
    {"bag", Of::model, "bag_scale", "scale of a bag of words: sum, inverse-sqrt or mean"},
    {"init", Of::model, "init", "deviation of the first embeddings"},
    {"negatives", Of::model, "negatives", "candidates to tell an answer from; 0: all"},
    {"word-dropout", Of::model, "word_dropout", "share of words read as unknown in training"},
    {"word-deletion", Of::model, "word_deletion", "share of words left out in training"},
    {"least", Of::model, "least", "weight of relations that training does not follow any more"},
    {"spellings", Of::model, "spellings", "rows that parts of words share"},
    {"match", Of::model, "match", "how much a slot's weight speaks for its value; 0: not (the paper's score)"},
    {"train-entities", Of::model, "train_entities", "train the embeddings of entities too (the paper's way)", "yes"},
    {"retrieval", Of::model, "retrieval",
     "slots by a hash of the question, or again for each of the hops: question or hops"},
    {"hash-words", Of::model, "hash_entities_only", "find slots by words too, not only by entities", "no"},
    {"max-frequency", Of::model, "max_frequency", "tokens in more keys are too common to find slots by"},
    {"max-slots", Of::model, "max_slots", "slots that a question reads, at most"},
    {"heads", Of::model, "heads", "lookups side by side"},
    {"share-hops", Of::model, "share_hops", "one set of maps for all hops, yes or no"},
    {"chain", Of::model, "chain", "hops of the memory network beside the gates; 0: none"},
    {"places", Of::model, "places", "how much a word's place in its sentence counts: deviation of its factors"},
    {"inner", Of::model, "inner", "width inside feed-forwards, as a multiple of the width"},
    {"longest", Of::model, "longest", "words of a sentence that are read, the first ones"},
    {"dropout", Of::model, "dropout", "share of sentences' and reads' numbers that training leaves out"},
    {"memory", Of::model, "memory", "sentences that a question reads, the last ones"},
    {"encoding", Of::model, "encoding",
     "of a sentence: bag (of words), position, or aligned (places count alike in all)"},
    {"sentence", Of::model, "sentence", "words that aligned encoding counts with"},
    {"temporal", Of::model, "temporal", "temporal encoding, yes or no"},
    {"empty-slots", Of::model, "empty_slots", "slots that say nothing fill the memory and may be read, yes or no"},
    {"random-noise", Of::model, "random_noise", "empty sentences in training, as a share of a story's"},
    {"linear-start", Of::model, "linear_start", "no softmax until validation stops improving, yes or no"},
    {"linear-map", Of::model, "linear_map", "a matrix between hops, yes or no"},
    {"relu", Of::model, "relu", "after every hop, yes or no"},
};

}  // namespace

// "of the embeddings [64; mem-n2n 50]"
static std::string help_of(const Option& option) {
    if (option.value) return option.help;
    std::string defaults, first;
    for (const std::string& kind : model_kinds()) {
        const RunConfig usual = default_run(kind);
        const std::string text =
            option.of == Of::model ? field_text(usual.model, option.field) : field_text(usual.trainer, option.field);
        if (text.empty() || text == first) continue;
        if (first.empty()) first = text;
        defaults += (defaults.empty() ? "" : "; ") + (kind == KvMemNNConfig::kind ? "" : kind + " ") + text;
    }
    return std::string(option.help) + " [" + defaults + "]";
}

static std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
    return all;
}

static std::vector<std::string> parts_of(const std::string& list) {
    std::vector<std::string> parts;
    std::stringstream stream(list);
    for (std::string part; std::getline(stream, part, ',');)
        if (!part.empty()) parts.push_back(part);
    return parts;
}

void add_train_options(CommandLine& line) {
    line.options.add_options()(
        "model", po::value<std::string>(),
        (joined(model_kinds()) + " [kv-mem-nn for a shared memory, mem-n2n for stories]").c_str());
    line.options.add_options()(
        "preset", po::value<std::string>(),
        ("settings of a paper, which options given beside it change: " + joined(preset_names())).c_str());
    line.options.add_options()                                                                                   //
        ("tasks", po::value<std::string>(), "of the data set to train on: numbers or names, with commas [all]")  //
        ("per-task", "train a model for each task, in directories of their own")                                 //
        ("runs", po::value<Index>()->default_value(1),
         "so many with seeds that follow each other; the best on validation is kept")  //
        ("seed", po::value<std::string>(), "of every random choice [1]");
    for (const Option& option : all_options) {
        auto* text = po::value<std::string>();
        if (option.value) text->zero_tokens()->implicit_value(option.value);
        line.options.add_options()(option.name, text, help_of(option).c_str());
    }
}

static RunConfig first_config(const po::variables_map& values, const std::string& data) {
    const bool named = values.count("model") > 0;
    const std::string kind = named ? values["model"].as<std::string>() : "";
    if (values.count("preset")) {
        RunConfig config = preset(values["preset"].as<std::string>());
        if (named && kind_of(config.model) != kind)
            throw UsageError({.what = "the preset is of another model",
                              .expected = "--model " + kind_of(config.model) + ", or none",
                              .got = kind,
                              .where = {},
                              .hint = {}});
        return config;
    }
    if (named) return default_run(kind);
    return default_run(load_dataset(data).memory.size() > 0 ? KvMemNNConfig::kind : MemN2NConfig::kind);
}

RunConfig run_config(const po::variables_map& values, const std::string& data) {
    RunConfig config = first_config(values, data);
    config.data = data;
    const auto set = [&](const Option& option, const std::string& text) {
        try {
            if (option.of == Of::model)
                set_field(config.model, option.field, text);
            else
                set_field(config.trainer, option.field, text);
        } catch (const UsageError& e) {
            Problem problem = e.problem();
            problem.where = "--" + std::string(option.name);
            throw UsageError(std::move(problem));
        }
    };
    for (const Option& option : all_options)
        if (values.count(option.name)) set(option, values[option.name].as<std::string>());
    if (values.count("seed")) set({"seed", Of::trainer, "seed", ""}, values["seed"].as<std::string>());
    set_seed(config.model, config.trainer.seed);
    if (values.count("tasks")) config.tasks = parts_of(values["tasks"].as<std::string>());
    config.per_task = values.count("per-task") > 0;
    config.runs = values["runs"].as<Index>();
    config.validate();
    return config;
}

}  // namespace kvmem::apps
