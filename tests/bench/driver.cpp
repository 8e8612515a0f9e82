// The driver of the benchmark: lets contestants, processes of their own, take turns, and reports. See README.md.
#include <boost/program_options.hpp>
#include <ctime>
#include <filesystem>
#include <regex>
#include <thread>

#include "cases.hpp"
#include "limits.hpp"
#include "oracle.hpp"
#include "process.hpp"
#include "report.hpp"

namespace {

using namespace bench;
namespace fs = std::filesystem;

struct Options {
    bool quick = false;
    std::string jobs = "attention", threads = "1,2", only = ".", out = ".";
    std::vector<std::string> contestants;  // commands, words separated by spaces
};

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);)
        if (!part.empty()) parts.push_back(part);
    return parts;
}

double median(std::vector<double> all) {
    if (all.empty()) return 0;
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::nth_element(all.begin(), middle, all.end());
    return *middle;
}

// One variant of a contestant, ready to run a case.
struct Runner {
    std::unique_ptr<Process> process;
    Result result;
    int burst = 1, rounds = 5;
    std::vector<double> medians{};  // seconds, of each round

    std::vector<double> go(int runs) {
        std::vector<double> seconds;
        for (const std::string& ns : split(process->ask("go " + std::to_string(runs), "ns"), ' '))
            seconds.push_back(std::stod(ns) * 1e-9);
        if (seconds.empty()) throw std::runtime_error("answered no time");
        return seconds;
    }

    // A run after the other contestants' finds the caches cold: the first of several is not counted.
    void round() {
        std::vector<double> seconds = go(burst > 1 ? burst + 1 : 1);
        if (burst > 1) seconds.erase(seconds.begin());
        medians.push_back(median(std::move(seconds)));
    }
};

// Whatever goes wrong in a contestant is its result.
template <class Action>
void attempt(Runner& runner, Action&& action) {
    try {
        if (runner.result.failure.empty()) action();
    } catch (const std::exception& e) {
        runner.result.failure = e.what();
        std::cerr << runner.result.contestant << ' ' << runner.result.variant << ": " << e.what() << '\n';
        runner.process.reset();
    }
}

class Driver {
  public:
    explicit Driver(const Options& options) : options_(options) {
        fs::create_directories(fs::path(options.out) / "oracle");
        run_.machine = processor_name();
        run_.compiler = KVMEM_BENCH_COMPILER;
    }

    void measure(int threads) {
        const std::regex only(options_.only, std::regex::icase);
        Limits& limits = run_.limits[threads];
        for (Job& job : jobs()) {
            if (!std::regex_search(job.name, only)) continue;
            job.shape.threads = threads;
            limits.flops = std::max(limits.flops, peak_flops(threads));
            if (job.unit == Unit::bytes || limits.bytes == 0)
                limits.bytes = std::max(limits.bytes, read_bandwidth(threads));
            std::vector<Runner> runners = runners_of(job);
            if (runners.empty()) continue;
            std::cerr << threads << " thread" << (threads == 1 ? "" : "s") << ": " << job.name << '\n';
            double others = 0;
            if (job.unit == Unit::memory)
                for (Runner& r : runners)
                    attempt(r, [&] { r.result.bytes = std::stod(r.process->ask("memory", "memory")); });
            else
                others = time(job, runners);
            run_.measurements[threads].push_back({job, best_of(runners), others});
        }
    }

    std::vector<Job> jobs() const {
        if (options_.jobs == "decode") return decode_jobs();
        if (options_.jobs == "training") return training_jobs();
        return options_.jobs == "recurrent" ? recurrent_jobs() : attention_jobs(options_.quick);
    }

    void report() const {
        const std::string table = to_markdown(run_);
        std::cout << table;
        std::ofstream(fs::path(options_.out) / (options_.jobs + ".md")) << table;
        std::ofstream(fs::path(options_.out) / (options_.jobs + ".json")) << to_json(run_);
    }

  private:
    std::vector<Runner> runners_of(const Job& job) {
        std::vector<Runner> runners;
        for (const std::string& command : options_.contestants) {
            if (&command != &options_.contestants.front() && runners.empty()) break;  // kvmem cannot do it yet
            std::vector<std::string> variants{""};
            for (std::size_t i = 0; i < variants.size(); ++i) {
                Runner r{std::make_unique<Process>(split(command, ' '), static_cast<int>(job.shape.threads)),
                         {fs::path(command).stem().string(), variants[i]}};
                attempt(r, [&] { prepare(r, job, variants, i); });
                if (!variants.empty()) runners.push_back(std::move(r));
            }
        }
        return runners;
    }

    // The first process of a contestant gives its name and how it can do the case.
    void prepare(Runner& r, const Job& job, std::vector<std::string>& variants, std::size_t i) {
        const std::string hello = r.process->ask("", "hello");
        r.result.contestant = hello.substr(0, hello.find(' '));
        if (run_.versions.emplace(r.result.contestant, hello.substr(r.result.contestant.size() + 1)).second)
            run_.contestants.push_back(r.result.contestant);
        const std::string offered = r.process->ask(to_line(job.shape), "variants");
        if (i == 0) variants = split(offered, ' ');
        if (variants.empty()) return;
        r.result.variant = variants[i];
        r.process->ask("variant " + variants[i], "ready");
    }

    // Seconds of computing that neither the driver nor the contestants have done.
    static double seconds_of_others(const std::vector<Runner>& runners) {
        double own = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
        for (const Runner& r : runners)
            if (r.process) own += r.process->cpu_seconds();
        return busy_seconds() - own;
    }

    // Threads of OpenMP and ONNX Runtime spin for some milliseconds after a turn, waiting for more work. The next
    // contestant should not pay for it.
    static constexpr std::chrono::milliseconds rest{50};

    // Gives the cores that others took meanwhile.
    double time(const Job& job, std::vector<Runner>& runners) {
        const double share = options_.quick ? 0.1 : 0.7;  // seconds for each
        const int least = options_.quick ? 3 : 5;
        const std::string oracle = job.shape.kind != "attend" ? "" : oracle_of(job.shape);
        std::map<std::string, double> fastest;
        for (Runner& r : runners)
            attempt(r, [&] {
                const double first = r.go(1).front();
                if (oracle.empty()) r.result.loss = std::stod(r.process->ask("loss", "loss"));
                if (!oracle.empty()) r.result.error = std::stod(r.process->ask("error " + oracle, "error"));
                const double seconds = first > 5 ? first : std::max(r.go(1).front(), 1e-7);
                r.burst = std::clamp(static_cast<int>(share / 10 / seconds), 1, 2000);
                const auto rounds = static_cast<int>(share / seconds / r.burst);
                r.rounds = seconds > 5 ? 1 : std::clamp(rounds, least, 20);
                r.result.seconds = seconds;
                double& best = fastest.try_emplace(r.result.contestant, seconds).first->second;
                best = std::min(best, seconds);
            });
        // A variant that is far behind another of the same contestant need not be measured well.
        std::erase_if(runners, [&](const Runner& r) {
            return r.result.failure.empty() && r.result.seconds > 3 * fastest[r.result.contestant];
        });
        const auto start = std::chrono::steady_clock::now();
        const double before = seconds_of_others(runners);
        for (int round = 0; round < 20; ++round)
            for (Runner& r : runners)
                if (round < r.rounds)
                    attempt(r, [&] {
                        if (job.shape.threads > 1) std::this_thread::sleep_for(rest);
                        r.round();
                    });
        const double taken = seconds_of_others(runners) - before;
        for (Runner& r : runners) r.result.seconds = r.result.failure.empty() ? median(r.medians) : 0;
        return taken / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

    std::string oracle_of(Case shape) {
        shape.threads = 0;
        const std::string file = (fs::path(options_.out) / "oracle" / "case.txt").string();
        if (const std::string line = to_line(shape); line != oracle_) write_oracle(shape, file), oracle_ = line;
        return file;
    }

    // Of each contestant, in the order of the runners: the fastest variant, or the smallest of those without a time.
    static std::vector<Result> best_of(const std::vector<Runner>& runners) {
        const auto rank = [](const Result& r) {
            return std::pair(!r.failure.empty(), r.seconds > 0 ? r.seconds : r.bytes);
        };
        std::vector<Result> best;
        for (const Runner& r : runners) {
            const auto same = std::find_if(best.begin(), best.end(),
                                           [&](const Result& b) { return b.contestant == r.result.contestant; });
            if (same == best.end())
                best.push_back(r.result);
            else if (rank(r.result) < rank(*same))
                *same = r.result;
        }
        return best;
    }

    Options options_;
    Run run_;
    std::string oracle_;  // the case whose oracle is written
};

}  // namespace

int main(int argc, char** argv) try {
    namespace po = boost::program_options;
    Options options;
    po::options_description all("bench_driver");
    auto add = all.add_options();
    add("help", "this");
    add("quick", po::bool_switch(&options.quick), "fewer rounds, and the large sizes a quarter");
    add("jobs", po::value(&options.jobs)->default_value(options.jobs), "attention, recurrent, decode or training");
    add("threads", po::value(&options.threads)->default_value(options.threads), "numbers of threads, by commas");
    add("only", po::value(&options.only)->default_value(options.only), "cases whose name the expression finds");
    add("out", po::value(&options.out)->default_value(options.out), "folder for JOBS.md and JOBS.json");
    add("contestant", po::value(&options.contestants)->composing(), "a command, kvmem's first; once for each");
    po::variables_map given;
    po::store(po::parse_command_line(argc, argv, all), given);
    po::notify(given);
    if (given.count("help")) {
        std::cout << all;
        return 0;
    }
    Driver driver(options);
    for (const std::string& threads : split(options.threads, ',')) driver.measure(std::stoi(threads));
    driver.report();
} catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << '\n';
    return 1;
}
