// kvmem plot RUN: a page that shows how training went, what is answered, and what is read for it.
#include "kvmem/core/file.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/tasks/qa/tasks.hpp"
#include "kvmem/train/group.hpp"
#include "model_source.hpp"
#include "output.hpp"
#include "plot_examples.hpp"
#include "plot_page.hpp"
#include "program.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <iostream>

namespace kvmem::apps {

namespace fs = std::filesystem;
namespace json = boost::json;

static const char* const about =
    "Writes one page of HTML that needs neither scripts nor the network: learning curves, errors by task, how often\n"
    "what is read most is what the answer rests on, what each hop and head read for some questions, and the settings.\n"
    "RUN is a run directory, with one model, several seeds or a model for each task, or a model file.";

static double number_in(const json::value& value) {
    const double number = value.to_number<double>();
    if (!(std::abs(number) < 1e30)) throw std::out_of_range("too large to be drawn");
    return number;
}

static LearningCurve::Epoch epoch_of(const json::value& line) {
    LearningCurve::Epoch epoch{number_in(line.at("epoch")), number_in(line.at("loss")), 0, {}, {}};
    const json::object& object = line.as_object();
    if (const json::value* phase = object.if_contains("phase")) epoch.phase = phase->to_number<Index>();
    if (const json::value* valid = object.if_contains("valid")) {
        epoch.valid_loss = number_in(valid->at("loss"));
        epoch.hits_at_1 = number_in(valid->at("hits_at_1"));
    }
    return epoch;
}

static LearningCurve read_curve(const std::string& name, const fs::path& metrics) {
    LearningCurve curve{name, {}};
    const std::string text = read_file(metrics);
    for (std::size_t at = 0, number = 1; at < text.size(); ++number) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        try {
            curve.epochs.push_back(epoch_of(json::parse(text.substr(at, end - at))));
        } catch (const std::exception&) {
            throw Error({.what = "not a line of a run's metrics",
                         .expected = "JSON that kvmem train wrote",
                         .got = text.substr(at, std::min<std::size_t>(end - at, 40)),
                         .where = metrics.string() + ":" + std::to_string(number)});
        }
        at = end + 1;
    }
    return curve;
}

// The curve of a run, or of each member of a group. For a member that is a group itself, it is its best run's.
static std::vector<LearningCurve> read_curves(const RunFiles& files, const RunConfig& config,
                                              const QaDataset& dataset) {
    std::vector<LearningCurve> curves;
    const auto parts = config.per_task ? task_names(dataset, config.tasks) : std::vector<std::string>{};
    for (const MemberRun& member : member_runs(files, config, parts)) {
        const RunFiles run{is_there(member.files.metrics()) ? member.files.directory
                                                            : member.files.model().parent_path()};
        if (is_there(run.metrics()))
            curves.push_back(read_curve(member.files.directory.filename().string(), run.metrics()));
    }
    return curves;
}

static std::string text_of(const json::value& value) {
    return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

// The fields of JSON of two levels, by name.
static void add_settings(std::vector<std::pair<std::string, std::string>>& settings, const json::object& object,
                         const std::string& within = {}) {
    for (const auto& [key, value] : object) {
        if (const json::object* inner = value.if_object())
            add_settings(settings, *inner, within + std::string(key) + ".");
        else
            settings.emplace_back(within + std::string(key), text_of(value));
    }
}

static std::string default_output(const fs::path& run) {
    if (is_folder(run)) return (run / "plot.html").string();
    throw UsageError({.what = "nothing given for output",
                      .expected = "a file for the page",
                      .hint = "a model file has no directory of its own"});
}

// A page with title, summary, learning curves and settings.
static PlotPage described_page(std::span<const ModelSource> sources, const RunFiles& files) {
    PlotPage page;
    const ModelSource& first = sources.front();
    page.title = fs::absolute(files.directory / "").parent_path().filename().string() + ": " + first.model->name();
    page.summary = first.model->summary() + (sources.size() > 1 ? ", one for each task." : ".");
    if (!first.memory.info.title.empty()) page.summary += " Data: " + first.memory.info.title;
    std::string config = to_json(first.model->settings());
    if (is_folder(files.directory)) {
        const RunConfig run = files.read_config(question_answering());
        page.curves = read_curves(files, run, first.memory);
        config = to_json(run);
    }
    add_settings(page.settings, json::parse(config).as_object());
    return page;
}

int run_plot(const Arguments& arguments) {
    Index count = 6;
    int threads = 0;
    std::string split = "valid";
    CommandLine line{.usage = "kvmem plot RUN [options]", .about = about, .positional = {"run"}};
    line.options.add_options()                                                                        //
        ("output,o", po::value<std::string>(), "the page, - for stdout; RUN/plot.html unless given")  //
        ("examples", po::value(&count)->default_value(count), "questions whose reading is shown")     //
        ("data", po::value<std::string>(), "data set to use instead of the one trained on")           //
        ("split,s", po::value(&split)->default_value(split), "train, valid or test")                  //
        ("threads", po::value(&threads)->default_value(0), "0: one for each core");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_at_least(count, 0, "examples");
    require_at_least(threads, 0, "threads");
    const ThreadLimit limit(threads);
    std::vector<ModelSource> sources = open_models(values, "data");
    const RunFiles files{values["run"].as<std::string>()};
    const std::string output =
        values.count("output") ? required(values, "output", "a file for the page") : default_output(files.directory);
    if (output != "-")
        require_output(output, "", {files.config(), files.metrics(), files.results(), files.card(), files.lock()});

    PlotPage page = described_page(sources, files);
    page.split = split;
    page.evaluation = evaluate_all(sources, split);
    page.examples = choose_examples(sources, split, page.evaluation, count);
    const std::string text = html(page);
    if (output == "-") {
        std::cout << text;
        return 0;
    }
    replace_file(output, text);
    std::cerr << output << "\n";
    return 0;
}

}  // namespace kvmem::apps
