// A task and a model of one's own: a line through points, trained, killed and resumed in a run directory.
//
//     own_task RUN [STEPS]   begins or resumes the run; with STEPS, kills itself after that many of them
#include <kvmem/autograd/ops.hpp>
#include <kvmem/train/session.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>

using namespace kvmem;

struct LineConfig {
    static constexpr const char* kind = "line";
    double first_slope = 0;
    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("first_slope", c.first_slope, Range{-10, 10}, "slope that training begins with");
    }
};

class Line final : public Objective {
  public:
    explicit Line(const LineConfig& config) { line_.add("line", Matrix(1, 2)).value(0, 0) = Real(config.first_slope); }
    Parameters& parameters() override { return line_; }
    Index items() const override { return 64; }
    Var loss(Tape& tape, std::span<const Index> items, Rng& rng) override {
        Matrix x(Index(items.size()), 2), y(x.rows(), 1);
        for (Index i = 0; i < x.rows(); ++i) {
            x(i, 0) = Real(items[i]) / 64, x(i, 1) = 1;
            y(i, 0) = 2 * x(i, 0) - 1 + Real(0.01 * rng.normal());
        }
        const Var error = linear(tape.constant(std::move(x)), tape.parameter(line_[0])) - tape.constant(std::move(y));
        return sum(error * error);
    }
    bool can_validate() const override { return true; }
    Validation validate() override {
        const double slope = line_[0].value(0, 0) - 2, offset = line_[0].value(0, 1) + 1;
        const double error = slope * slope + offset * offset;
        return {.examples = 1, .loss = error, .score = error};
    }

  private:
    Parameters line_;
};

class Lines final : public TaskType {
  public:
    std::string name() const override { return "lines"; }
    std::vector<const ModelType*> models() const override {
        static const ModelType line{LineConfig{}, "a slope and an offset", {.model = LineConfig{}}};
        return {&line};
    }
    ScoreType score() const override { return {"squared_error", "squared error", false}; }
    std::unique_ptr<Objective> make_objective(const RunConfig& config) const override {
        return std::make_unique<Line>(*config.model.get<LineConfig>());
    }
};

int main(int, char** argv) {
    const Lines lines;
    RunConfig config = lines.models()[0]->recommended;
    config.trainer.epochs = 60;
    config.trainer.schedule.rate = 0.05;
    config.trainer.save_seconds = 0;
    TrainingSession session = is_there(RunFiles{argv[1]}.config()) ? TrainingSession::resume(argv[1], lines)
                                                                   : TrainingSession::begin(argv[1], config, lines);
    Index left = argv[2] ? std::atol(argv[2]) : -1;
    TrainingSession::Callbacks callbacks;
    callbacks.step = [&](const StepReport&) {
        if (--left == 0) std::raise(SIGKILL);
    };
    session.run(callbacks);
    const Parameter& line = session.objective().parameters()[0];
    std::printf("%.9g %.9g after %ld epochs\n", double(line.value(0, 0)), double(line.value(0, 1)),
                long(session.state().epoch));
    return session.state().best < 1e-3 ? 0 : 1;
}
