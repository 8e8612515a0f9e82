// How fast training is beside the size of the memory: see README.md, "Training and the size of the memory".
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/train/session.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/program_options.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <stdexcept>

namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

// What one training came to.
struct Turn {
    double start;  // seconds until its first step was done
    double bytes;  // resident at most until then
    double rate;   // examples a second, after some steps
    double core;   // the same for a second of one core, which others on the machine take less from
};

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double core_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double peak_bytes() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) * 1024;
}

// Trains for so long, tells `to`, and ends the process without saving anything.
[[noreturn]] void train(const std::string& data, const std::string& model, double seconds, int threads, int to,
                        const fs::path& run) {
    const kvmem::ThreadLimit limit(threads);
    kvmem::RunConfig config{.data = data,
                            .data_hash = {},
                            .tasks = {},
                            .model = kvmem::find_model(kvmem::question_answering(), model).recommended.model,
                            .trainer = {}};
    config.trainer.epochs = 1000;
    Turn turn{};
    const double begun = seconds_now();
    double warm = 0, warm_core = 0;
    kvmem::Index steps = 0;
    kvmem::TrainingSession session = kvmem::TrainingSession::begin(run, config, kvmem::question_answering());
    kvmem::TrainingSession::Callbacks callbacks;
    callbacks.step = [&](const kvmem::StepReport&) {
        const double now = seconds_now();
        if (steps == 0) turn.start = now - begun, turn.bytes = peak_bytes();
        constexpr kvmem::Index warm_up = 20;
        if (++steps == warm_up) warm = now, warm_core = core_seconds();
        if (steps <= warm_up || now - warm < seconds) return;
        const auto examples = static_cast<double>((steps - warm_up) * config.trainer.batch);
        turn.rate = examples / (now - warm);
        turn.core = examples / (core_seconds() - warm_core);
        if (::write(to, &turn, sizeof turn) != sizeof turn) std::_Exit(1);
        std::_Exit(0);
    };
    session.run(callbacks);
    throw std::runtime_error("training ended early");
}

// In a process of its own: what one leaves in memory and caches is not another's.
Turn turn_of(const std::string& data, const std::string& model, double seconds, int threads) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    const fs::path run = fs::temp_directory_path() / ("kvmem-training-scale-" + std::to_string(::getpid()));
    const pid_t child = ::fork();
    if (child == 0) try {
            train(data, model, seconds, threads, ends[1], run);
        } catch (const std::exception& e) {
            std::cerr << "error: " << e.what() << "\n";
            std::_Exit(1);
        }
    ::close(ends[1]);
    Turn turn{};
    const bool told = ::read(ends[0], &turn, sizeof turn) == sizeof turn;
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    fs::remove_all(run);
    if (!told) throw std::runtime_error("no figures of " + model + " on " + data);
    return turn;
}

// The best of some turns: what others on the machine take makes a turn worse, never better.
void keep_best(Turn& best, const Turn& turn) {
    best = {std::min(best.start, turn.start), std::min(best.bytes, turn.bytes), std::max(best.rate, turn.rate),
            std::max(best.core, turn.core)};
}

}  // namespace

int main(int argc, char** argv) try {
    std::vector<std::string> data, models;
    double seconds = 0;
    int rounds = 0, threads = 0;
    po::options_description options;
    options.add_options()("data", po::value(&data)->required())(
        "models", po::value(&models)->multitoken()->default_value({"path-reader", "kv-mem-nn"}, ""))(
        "seconds", po::value(&seconds)->default_value(5))("rounds", po::value(&rounds)->default_value(3))(
        "threads", po::value(&threads)->default_value(0));
    po::positional_options_description files;
    files.add("data", -1);
    po::variables_map values;
    po::store(po::command_line_parser(argc, argv).options(options).positional(files).run(), values);
    po::notify(values);
    std::printf(
        "| model | data set | examples/s | of the first | of a core | of the first | first step after | memory then "
        "|\n|---|---|---:|---:|---:|---:|---:|---:|\n");
    for (const std::string& model : models) {
        std::vector<Turn> best(data.size(), {1e30, 1e30, 0, 0});
        for (int round = 0; round < rounds; ++round)  // sizes in turns, so that all see the same machine
            for (std::size_t i = 0; i < data.size(); ++i) keep_best(best[i], turn_of(data[i], model, seconds, threads));
        for (std::size_t i = 0; i < data.size(); ++i) {
            const Turn& turn = best[i];
            std::printf("| %s | %s | %.0f | %.2f | %.0f | %.2f | %.2f s | %.2f GB |\n", model.c_str(),
                        fs::path(data[i]).filename().c_str(), turn.rate, turn.rate / best[0].rate, turn.core,
                        turn.core / best[0].core, turn.start, turn.bytes / 1e9);
            std::fflush(stdout);
        }
    }
} catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
}
