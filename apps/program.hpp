// What the verbs of the program share: command lines, progress, interruption, text for people.
//
// Results go to stdout, everything else to stderr. A verb returns the exit code: 0, 1 when it failed, 2 for wrong
// usage, both from an Error that kvmem.cpp prints in one line; 130 or 143 after a signal that training was saved for.
// A write to stdout that fails is an exception that a verb lets pass: kvmem.cpp ends the program as it should.
#pragma once

#include "kvmem/core/error.hpp"

#include <boost/program_options.hpp>
#include <chrono>
#include <string>
#include <vector>

namespace kvmem::apps {

namespace po = boost::program_options;

using Arguments = std::vector<std::string>;

int run_import(const Arguments& arguments);
int run_synth(const Arguments& arguments);
int run_inspect(const Arguments& arguments);
int run_train(const Arguments& arguments);
int run_evaluate(const Arguments& arguments);
int run_ask(const Arguments& arguments);
int run_predict(const Arguments& arguments);
int run_plot(const Arguments& arguments);
int run_index(const Arguments& arguments);
int run_query(const Arguments& arguments);

// A verb's command line. Positional arguments are text options of these names, in order.
struct CommandLine {
    std::string usage;  // "kvmem ask RUN [QUESTION] [options]"
    std::string about;  // what it does, for --help
    po::options_description options{"Options"};
    std::vector<std::string> positional;
    po::options_description hidden{};  // options that help does not show
    std::string rest{};                // of all further arguments, a list of texts; empty: there may be none
};

// Parses, or prints the help and returns false. Throws UsageError.
bool parse(const CommandLine& line, const Arguments& arguments, po::variables_map& values);

// The value of a required option; throws UsageError when it is missing.
std::string required(const po::variables_map& values, const std::string& option, const std::string& meaning);

// Throws UsageError that names the option unless its value is at least `min`.
void require_at_least(std::int64_t value, std::int64_t min, const std::string& option);

// A line that is rewritten on a terminal, at most 10 times a second, and otherwise printed now and then.
class Progress {
  public:
    Progress();
    ~Progress();  // ends the line
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    bool due() const;  // whether a line shown now would not be too early
    void show(const std::string& line);
    void print(const std::string& line);  // shows it, whenever, and keeps it
    void clear();

  private:
    using Clock = std::chrono::steady_clock;
    std::chrono::milliseconds interval() const;  // between two lines
    bool terminal_;
    bool shown_ = false;
    Clock::time_point next_;
};

// While it lives, SIGINT and SIGTERM are noted instead of ending the program; a second one ends it.
class Interruption {
  public:
    Interruption();
    ~Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

    static int signal();  // that came, or 0
};

std::string formatted(const char* format, double value);  // as printf does, up to 63 bytes
// "12.4k", "86.2%", "00:42"
std::string short_number(double value);
std::string percent(double share);
std::string minutes(double seconds);
void print_row(const std::string& name, const std::string& value);  // of a table, to stdout
std::string plural(std::int64_t count, const std::string& noun);    // "1 question", "12,345 questions"

}  // namespace kvmem::apps
