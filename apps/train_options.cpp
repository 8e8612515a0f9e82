#include "train_options.hpp"

#include "field_options.hpp"
#include "kvmem/core/file.hpp"
#include "output.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <map>

namespace kvmem::apps {

// Calls use(model) for each model of all tasks.
template <class Use>
static void for_each_model(Use use) {
    for (const Task& task : all_tasks())
        for (const ModelType* model : task.type().models()) use(*model);
}

// The fields of training and of all models, by their names and their old names.
static std::map<std::string, FieldText> all_fields() {
    std::map<std::string, FieldText> all;
    const auto add = [&](FieldsRef fields) {
        for (const FieldText& field : field_texts(fields)) {
            all.try_emplace(field.name, field);
            if (!field.old_name.empty()) all.try_emplace(field.old_name, field);
        }
    };
    TrainerOptions trainer;
    add(trainer);
    for_each_model([&](const ModelType& model) {
        Settings settings = model.defaults;
        add(settings);
    });
    return all;
}

// The value of an option in arguments that are not parsed yet, or "".
static std::string value_of(const Arguments& arguments, const std::string& option) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == option && i + 1 < arguments.size() && !arguments[i + 1].starts_with("--"))
            return arguments[i + 1];
        if (arguments[i].starts_with(option + "=")) return arguments[i].substr(option.size() + 1);
    }
    return {};
}

static void describe(po::options_description& options, FieldsRef fields) {
    for (const FieldText& field : field_texts(fields))
        if (!field.help.empty() && field.name != "seed")
            options.add_options()(option_of(field.name).c_str(), field_value(field),
                                  (field.help + " [" + field.value + "]").c_str());
}

// Gives each flag its value: "--flag yes" becomes "--flag=yes", and "--flag data.h5" becomes "--flag=yes data.h5". The
// parser would take whatever follows, because the value is optional. Flags may be abbreviated, as for the parser.
static Arguments with_joined_flags(const Arguments& arguments, const std::map<std::string, FieldText>& fields,
                                   const po::options_description& options) {
    static constexpr std::array truths{"yes", "no", "true", "false", "on", "off", "1", "0"};
    const auto is_flag = [&](const std::string& argument) {
        if (!argument.starts_with("--") || argument.find('=') != std::string::npos) return false;
        const std::string name = argument.substr(2);
        const po::option_description* option = options.find_nothrow(name, !options.find_nothrow(name, false));
        const auto known = fields.find(option ? field_of(option->long_name()) : "");
        return known != fields.end() && known->second.is_flag;
    };
    Arguments joined;
    bool follows_flag = false;
    for (const std::string& argument : arguments) {
        const bool is_value = follows_flag && std::ranges::find(truths, argument) != truths.end();
        if (is_value)
            joined.back() += "=" + argument;
        else
            joined.push_back(argument);
        if (follows_flag && !is_value) joined[joined.size() - 2] += "=yes";
        follows_flag = !is_value && is_flag(argument);
    }
    return joined;
}

// The format of the data set among arguments that are not parsed yet, or "". What is no regular file, such as a pipe,
// is left to those that read it, as are damaged files.
static std::string data_format_in(const Arguments& arguments) {
    for (const std::string& argument : arguments) {
        std::error_code unknown;
        if (argument.starts_with("-") || !std::filesystem::is_regular_file(argument, unknown)) continue;
        try {
            const std::string format = format_of_file(argument);
            if (task_of_format(format)) return format;
        } catch (const Error&) {
        }
    }
    return {};
}

// The configuration that the arguments begin with, for help.
static RunConfig named_config(const std::string& kind, const std::string& preset_name, const std::string& data_format) {
    RunConfig config = all_tasks().front().type().models().front()->recommended;
    if (!preset_name.empty()) config = preset(task_of_preset(preset_name).type(), preset_name);
    if (!kind.empty() && config.model.kind() != kind)
        config = find_model(task_of_model(kind, data_format).type(), kind).recommended;
    return config;
}

// Adds the options of a model to those of the command line, and those of other tasks' models of this name to help.
static void add_model_options(CommandLine& line, Settings model, const std::string& data_format) {
    const std::string kind = model.kind();
    const std::vector<const Task*> tasks = tasks_of_model(kind);
    const Task* const parsed = &task_of_model(kind, data_format);
    const auto section = [&](const Task& task) {
        return "Options of " + kind + (tasks.size() > 1 ? " for " + task.type().name() : "");
    };
    po::options_description own(section(*parsed), 100, 50);
    describe(own, model);
    line.options.add(own);
    for (const Task* task : tasks) {
        if (task == parsed || !data_format.empty()) continue;
        po::options_description other(section(*task), 100, 50);
        Settings settings = find_model(task->type(), kind).recommended.model;
        describe(other, settings);
        line.shown.add(other);
    }
}

Arguments add_train_options(CommandLine& line, const Arguments& arguments) {
    std::string models;
    for_each_model([&](const ModelType& model) {
        models += "\n  " + model.kind() + ": " + model.about;
        std::vector<std::string>& kinds = line.choices["model"];
        if (std::ranges::find(kinds, model.kind()) == kinds.end()) kinds.push_back(model.kind());
        for (const auto& [name, config] : model.presets) line.choices["preset"].push_back(name);
    });
    line.options.add_options()  //
        ("model", po::value<std::string>(),
         ("of these, or else the one that the data asks for; '--model M --help' tells M's options and defaults" +
          models)
             .c_str())  //
        ("preset", po::value<std::string>(),
         ("settings of a paper, which options given beside it change: " + joined(line.choices["preset"])).c_str())  //
        ("tasks", po::value<std::string>(), "of the data set to train on: numbers or names, with commas [all]")     //
        ("per-task", "train a model for each task, in directories of their own")                                    //
        ("runs", po::value<Index>()->default_value(1),
         "train with this many seeds that follow each other; the best on validation is used")  //
        ("vectors", po::value<std::string>(),
         "file of word vectors, for models that read words: GloVe, word2vec, fastText, .npy beside words.txt, or a run "
         "of next-sentence")  //
        ("seed", po::value<std::string>()->value_name("N"), "of every random choice [1]");
    const std::string kind = value_of(arguments, "--model"), preset_name = value_of(arguments, "--preset");
    const std::string data_format = !kind.empty() && preset_name.empty() ? data_format_in(arguments) : "";
    RunConfig recommended = named_config(kind, preset_name, data_format);
    describe(line.options, recommended.trainer);
    if (!kind.empty() || !preset_name.empty()) add_model_options(line, recommended.model, data_format);
    const std::map<std::string, FieldText> fields = all_fields();
    for (const auto& [name, field] : fields)
        if (!line.options.find_nothrow(option_of(name), false))
            line.hidden.add_options()(option_of(name).c_str(), field_value(field));
    line.hidden.add_options()("hash-words", po::value<std::string>()->zero_tokens()->implicit_value("no"));
    po::options_description all;
    all.add(line.options).add(line.hidden);
    return with_joined_flags(arguments, fields, all);
}

const Task& train_task(const po::variables_map& values, const std::string& data) {
    if (values.count("preset")) return task_of_preset(values["preset"].as<std::string>());
    if (!values.count("model")) return task_of_data(data);
    return task_of_model(values["model"].as<std::string>(), is_there(data) ? data_format(data) : "");
}

// Says which settings the data have changed, but for those that an option sets.
static void tell_fitted(const po::variables_map& values, Settings fitted, Settings usual) {
    const std::vector<FieldText> before = field_texts(usual), after = field_texts(fitted);
    for (std::size_t i = 0; i < after.size(); ++i)
        if (after[i].value != before[i].value && !values.count(option_of(after[i].name)))
            std::cerr << "--" << option_of(after[i].name) << " " << after[i].value
                      << ", as the training questions need [" << before[i].value << "]\n";
}

static RunConfig base_config(const po::variables_map& values, const TaskType& task, const std::string& data) {
    const bool named = values.count("model") > 0;
    const std::string kind = named ? values["model"].as<std::string>() : "";
    if (values.count("preset")) {
        const std::string name = values["preset"].as<std::string>();
        RunConfig config = preset(task_of_preset(name).type(), name);
        if (named && config.model.kind() != kind)
            throw UsageError({.what = "the preset is of another model",
                              .expected = "--model " + config.model.kind() + ", or none",
                              .got = kind});
        return config;
    }
    RunConfig config = task.recommended(data, kind);
    tell_fitted(values, config.model, find_model(task, config.model.kind()).recommended.model);
    return config;
}

// The kinds of the models that have this field.
static std::string owners_of(const std::string& field) {
    std::vector<std::string> kinds;
    for_each_model([&](const ModelType& model) {
        Settings settings = model.defaults;
        for (const FieldText& f : field_texts(settings))
            if ((f.name == field || f.old_name == field) && std::ranges::find(kinds, model.kind()) == kinds.end())
                kinds.push_back(model.kind());
    });
    return joined(kinds);
}

static void set(RunConfig& config, const std::string& option, const std::string& text) {
    const std::string field = option == "hash-words" ? "hash_entities_only" : field_of(option);
    if (set_field(config.trainer, field, text) || set_field(config.model, field, text)) return;
    throw UsageError({.what = "a model of this kind has no such setting",
                      .expected = "--model " + owners_of(field) + " for it",
                      .got = config.model.kind(),
                      .where = "--" + option,
                      .hint = "see --model " + config.model.kind() + " --help"});
}

static void require_data_of(const Task& task, const std::string& data) {
    if (is_there(data) && data_format(data) != task.data_format)
        throw UsageError({.what = "the model is for other data",
                          .expected = "a data set of format " + std::string(task.data_format),
                          .got = task_of_data(data).data_format,
                          .where = data,
                          .hint = "name no model, or one of those for " + task_of_data(data).type().name()});
}

RunConfig run_config(const po::variables_map& values, const Task& task, const std::string& data) {
    require_data_of(task, data);
    RunConfig config = base_config(values, task.type(), data);
    config.data = data;
    const std::map<std::string, FieldText> fields = all_fields();
    std::map<std::string, std::string> given;  // the option of each field
    for (const auto& [option, value] : values) {
        const auto field = fields.find(option == "hash-words" ? "hash_entities_only" : field_of(option));
        if (field == fields.end()) continue;
        const auto [first, is_first] = given.try_emplace(field->second.name, option);
        if (!is_first)
            throw UsageError({.what = "a setting is given twice",
                              .expected = "--" + option_of(field->second.name) + " alone",
                              .got = "--" + first->second + " and --" + option});
        set(config, option, value.as<std::string>());
    }
    if (values.count("epochs") && !values.count("min-steps")) config.trainer.min_steps = 0;
    config.set_seed(config.trainer.seed);
    if (values.count("tasks"))
        for (const std::string& part : split(values["tasks"].as<std::string>(), ','))
            if (!part.empty()) config.tasks.push_back(part);
    config.per_task = values.count("per-task") > 0;
    config.runs = values["runs"].as<Index>();
    config.validate();
    return config;
}

}  // namespace kvmem::apps
