#include "report.hpp"

#include <boost/json.hpp>
#include <cstdio>

namespace bench {

namespace {

template <class... T>
std::string text(const char* format, T... values) {
    char buffer[256];
    std::snprintf(buffer, sizeof buffer, format, values...);
    return buffer;
}

// Three digits, in the unit that suits.
std::string time_text(double seconds) {
    const auto digits = [](double x, const char* unit) {
        return text(x < 10 ? "%.2f %s" : x < 100 ? "%.1f %s" : "%.0f %s", x, unit);
    };
    if (seconds < 1e-3) return digits(seconds * 1e6, "us");
    return seconds < 1 ? digits(seconds * 1e3, "ms") : digits(seconds, "s");
}

const Result* result_of(const Measurement& m, const std::string& contestant) {
    for (const Result& r : m.results)
        if (r.contestant == contestant) return &r;
    return nullptr;
}

// The work of a second: "70.1 GF/s, 62 %".
std::string rate_text(const Job& job, const Limits& limits, double seconds) {
    const double rate = job.work / seconds;
    switch (job.unit) {
        case Unit::flops:
            return text("%.1f GF/s, %.0f %%", rate / 1e9, 100 * rate / limits.flops);
        case Unit::bytes:
            return text("%.1f GB/s, %.0f %%", rate / 1e9, 100 * rate / limits.bytes);
        case Unit::examples:
            return text("%.0f examples/s", rate);
        case Unit::memory:
            break;
    }
    return {};
}

// How far a training step's first loss is from the same of the first peer that has one.
double loss_difference(const Measurement& m) {
    for (const Result& r : m.results)
        if (r.contestant != "kvmem" && r.loss != 0) return std::abs(m.results.front().loss - r.loss) / std::abs(r.loss);
    return -1;
}

std::string kvmem_cells(const Measurement& m, const Limits& limits) {
    const Result& r = m.results.front();
    if (!r.failure.empty()) return " " + r.failure + " | | |";
    if (m.job.unit == Unit::memory) return text(" %.1f MiB | | |", r.bytes / 1048576);
    const double error = m.job.shape.kind != "attend" ? loss_difference(m) : r.error;
    return " " + time_text(r.seconds) + " | " + rate_text(m.job, limits, r.seconds) + " | " +
           (error >= 0 ? text("%.1e |", error) : "|");
}

std::string peer_cell(const Measurement& m, const std::string& peer) {
    const Result* r = result_of(m, peer);
    const Result& own = m.results.front();
    if (!r) return " |";
    if (!r->failure.empty()) return " failed |";
    if (m.job.unit == Unit::memory) return text(" %.1f MiB |", r->bytes / 1048576);
    const std::string ratio = own.seconds > 0 ? text(", %.2fx", r->seconds / own.seconds) : "";
    return " " + time_text(r->seconds) + ratio + (r->error > 1e-3 ? text(", **error %.0e**", r->error) : "") + " |";
}

const char* preface =
    "Each time is a median over rounds in which the contestants took turns. A peer's factor is its time over kvmem's: "
    "above 1, kvmem is faster. Percentages are of the peak of multiplications or of the read bandwidth, measured in "
    "this "
    "run. The error is the largest difference from the same in double over the largest number; of a training step or a "
    "layer, the "
    "difference of the first loss from the first peer's. Each contestant's best variant is shown. Where others are "
    "named, "
    "other programs were computing on so many cores: that hits thread pools unevenly, and the row should be measured "
    "again.\n";

void write_table(std::string& out, const Run& run, int threads) {
    const Limits& limits = run.limits.at(threads);
    out += text("\n## %d thread%s\n\n", threads, threads == 1 ? "" : "s");
    out += text("Peak %.1f GF/s, read bandwidth %.1f GB/s.\n\n", limits.flops / 1e9, limits.bytes / 1e9);
    std::string rule = "|---|---|---|---|";
    out += "| case | kvmem | rate | error |";
    for (const std::string& peer : run.contestants)
        if (peer != "kvmem") out += " " + peer + " |", rule += "---|";
    out += "\n" + rule + "\n";
    for (const Measurement& m : run.measurements.at(threads)) {
        const std::string warning = m.others > 0.25 ? text(" (others: %.1f cores)", m.others) : "";
        out += "| " + m.job.name + warning + " |" + kvmem_cells(m, limits);
        for (const std::string& peer : run.contestants)
            if (peer != "kvmem") out += peer_cell(m, peer);
        out += "\n";
    }
}

// The time of each causal case over that of the same without, which should be little over one half.
void write_causal(std::string& out, const std::vector<Measurement>& measurements) {
    for (const Measurement& causal : measurements)
        for (const Measurement& full : measurements) {
            Case same = full.job.shape;
            same.causal = 1;
            if (full.job.unit != Unit::flops || !causal.job.shape.causal || full.job.shape.causal) continue;
            if (to_line(same) != to_line(causal.job.shape)) continue;
            out += "\n" + causal.job.name + " takes" +
                   text(" %.2f of the time of ", causal.results.front().seconds / full.results.front().seconds) +
                   full.job.name + ".\n";
        }
}

boost::json::object to_object(const Result& r, const Job& job) {
    boost::json::object o{{"contestant", r.contestant}, {"variant", r.variant}};
    if (!r.failure.empty()) o["failure"] = r.failure;
    if (r.seconds > 0) o["seconds"] = r.seconds, o["work_per_second"] = job.work / r.seconds;
    if (job.unit == Unit::memory) o["bytes"] = r.bytes;
    if (r.error >= 0) o["error"] = r.error;
    if (r.loss != 0) o["loss"] = r.loss;
    return o;
}

}  // namespace

std::string to_markdown(const Run& run) {
    std::string out = "# kvmem and its peers\n\n" + run.machine + "; " + run.compiler + "; float.\n";
    for (const std::string& name : run.contestants) out += "- " + name + " " + run.versions.at(name) + "\n";
    out += std::string("\n") + preface;
    for (const auto& [threads, measurements] : run.measurements) {
        write_table(out, run, threads);
        write_causal(out, measurements);
    }
    return out;
}

std::string to_json(const Run& run) {
    static constexpr const char* units[] = {"flops", "bytes", "examples", "memory"};
    boost::json::object root{{"machine", run.machine}, {"compiler", run.compiler}};
    boost::json::object& versions = root["versions"].emplace_object();
    for (const auto& [name, version] : run.versions) versions[name] = version;
    boost::json::array& all = root["measurements"].emplace_array();
    for (const auto& [threads, measurements] : run.measurements)
        for (const Measurement& m : measurements) {
            boost::json::array results;
            for (const Result& r : m.results) results.push_back(to_object(r, m.job));
            all.push_back({{"case", m.job.name},
                           {"threads", threads},
                           {"unit", units[static_cast<int>(m.job.unit)]},
                           {"work", m.job.work},
                           {"peak_flops", run.limits.at(threads).flops},
                           {"read_bandwidth", run.limits.at(threads).bytes},
                           {"others", m.others},
                           {"results", std::move(results)}});
        }
    return boost::json::serialize(root) + "\n";
}

}  // namespace bench
