// What a page says of any run: its learning curves and its settings.
#include "plot_run.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/train/config.hpp"
#include "task_table.hpp"

#include <boost/json.hpp>
#include <cmath>

namespace kvmem::apps {

namespace fs = std::filesystem;
namespace json = boost::json;

static double number_in(const json::value& value) {
    const double number = value.to_number<double>();
    if (!(std::abs(number) < 1e30)) throw std::out_of_range("too large to be drawn");
    return number;
}

static LearningCurve::Epoch epoch_of(const json::value& line, const ScoreType& score) {
    LearningCurve::Epoch epoch{number_in(line.at("epoch")), number_in(line.at("loss")), 0, {}, {}};
    const json::object& object = line.as_object();
    if (const json::value* phase = object.if_contains("phase")) epoch.phase = phase->to_number<Index>();
    if (const json::value* valid = object.if_contains("valid")) {
        epoch.valid_loss = number_in(valid->at("loss"));
        epoch.score = number_in(valid->at(score.name));
    }
    return epoch;
}

static LearningCurve read_curve(const std::string& name, const fs::path& metrics, const ScoreType& score) {
    LearningCurve curve{name, {}};
    const std::string text = read_file(metrics);
    for (std::size_t at = 0, number = 1; at < text.size(); ++number) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        try {
            curve.epochs.push_back(epoch_of(json::parse(text.substr(at, end - at)), score));
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
static std::vector<LearningCurve> read_curves(const std::vector<MemberRun>& members, const ScoreType& score) {
    std::vector<LearningCurve> curves;
    for (const MemberRun& member : members) {
        const RunFiles run{is_there(member.files.metrics()) ? member.files.directory
                                                            : member.files.model().parent_path()};
        if (is_there(run.metrics()))
            curves.push_back(read_curve(member.files.directory.filename().string(), run.metrics(), score));
    }
    return curves;
}

static std::string text_of(const json::value& value) {
    return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

// The fields of JSON of two levels, by name.
static void add_fields(std::vector<std::pair<std::string, std::string>>& settings, const json::object& object,
                       const std::string& within = {}) {
    for (const auto& [key, value] : object) {
        if (const json::object* inner = value.if_object())
            add_fields(settings, *inner, within + std::string(key) + ".");
        else
            settings.emplace_back(within + std::string(key), text_of(value));
    }
}

void add_run(PlotPage& page, const RunFiles& files, const TaskType& task, const std::vector<std::string>& parts) {
    const RunConfig config = files.read_config(task);
    page.score = task.score();
    page.curves =
        read_curves(member_runs(files, config, config.per_task ? parts : std::vector<std::string>{}), page.score);
    add_settings(page, to_json(config));
}

void add_settings(PlotPage& page, const std::string& object) {
    add_fields(page.settings, json::parse(object).as_object());
}

PlotPage described_page(const fs::path& run, const std::string& name, const std::string& summary,
                        const Settings& settings) {
    PlotPage page;
    page.title = fs::absolute(run / "").parent_path().filename().string() + ": " + name;
    page.summary = summary + ".";
    if (is_folder(run))
        add_run(page, RunFiles{run}, task_of_run(run).type());
    else
        add_settings(page, to_json(settings));
    return page;
}

}  // namespace kvmem::apps
