// A task and a model of one's own: a line through points, trained, killed and resumed in a run directory.
//
//     own_task RUN [STEPS]   begins or resumes the run; with STEPS, kills itself after that many of them
#include <kvmem/autograd/ops.hpp>
#include <kvmem/core/error.hpp>
#include <kvmem/train/session.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

using namespace kvmem;

struct LineConfig {
    static constexpr const char* kind = "line";
    double first_slope = 0;
    std::uint64_t seed = 1;
    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("first_slope", c.first_slope, Range{-10, 10}, "slope that training begins with");
        field("seed", c.seed, "of every random choice");
    }
};

class Line final : public Objective {
  public:
    explicit Line(const LineConfig& config) { line_.add("line", Matrix(2, 1)).value(0, 0) = Real(config.first_slope); }
    Parameters& parameters() override { return line_; }
    Index items() const override { return 64; }
    Var loss(Tape& tape, std::span<const Index> items, Rng& rng) override {
        Matrix x(Index(items.size()), 2), y(x.rows(), 1);
        for (Index i = 0; i < x.rows(); ++i) {
            x(i, 0) = Real(items[i]) / 64, x(i, 1) = 1;
            y(i, 0) = 2 * x(i, 0) - 1 + Real(0.01 * rng.normal());
        }
        const Var error =
            add(linear(tape.constant(std::move(x)), tape.parameter(line_[0])), scale(tape.constant(std::move(y)), -1));
        return sum(multiply(error, error));
    }
    bool can_validate() const override { return true; }
    Validation validate() override {
        const double slope = line_[0].value(0, 0), offset = line_[0].value(1, 0);
        const double error = (slope - 2) * (slope - 2) + (offset + 1) * (offset + 1);
        return {.examples = 1, .loss = error, .score = error};
    }

  private:
    Parameters line_;
};

class Lines final : public TaskType {
  public:
    std::string name() const override { return "lines"; }
    std::vector<const ModelType*> models() const override { return {&line_}; }
    ScoreType score() const override { return {"squared_error", "squared error", false}; }
    std::unique_ptr<Objective> make_objective(const RunConfig& config) const override {
        return std::make_unique<Line>(*config.model.get<LineConfig>());
    }

  private:
    ModelType line_{.defaults = LineConfig{}, .about = "a slope and an offset", .usual = {.model = LineConfig{}}};
};

int main(int, char** argv) try {
    const Lines lines;
    RunConfig config = lines.models()[0]->usual;
    config.trainer.epochs = 60;
    config.trainer.schedule.rate = 0.05;
    config.trainer.save_seconds = 0;
    TrainingSession session = std::filesystem::exists(RunFiles{argv[1]}.config())
                                  ? TrainingSession::resume(argv[1], lines)
                                  : TrainingSession::begin(argv[1], config, lines);
    Index left = argv[2] ? std::atol(argv[2]) : -1;
    session.run({.step =
                     [&](const StepReport&) {
                         if (--left == 0) std::raise(SIGKILL);
                     },
                 .epoch = {},
                 .interrupted = {}});
    const Parameter& line = session.objective().parameters()[0];
    std::printf("%.9g %.9g after %ld epochs\n", double(line.value(0, 0)), double(line.value(1, 0)),
                long(session.state().epoch));
    return session.state().best < 1e-3 ? 0 : 1;
} catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
}
