// Functions for all verbs of the program: command lines, progress, interruption and texts.
//
// Results go to stdout and everything else to stderr. A verb returns the exit code: 0, or 128 + n after signal n, when
// training was saved. It throws Error (code 1) or UsageError (code 2), which kvmem.cpp prints in one line. A failed
// write to stdout is an exception that a verb must not catch.
#pragma once

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kvmem::apps {

namespace po = boost::program_options;

using Arguments = std::vector<std::string>;

int run_import(const Arguments& arguments);
int run_import_weights(const Arguments& arguments);    // kvmem import weights
int run_import_documents(const Arguments& arguments);  // kvmem import documents
int run_import_hdf5(const Arguments& arguments);       // kvmem import hdf5
int run_synth(const Arguments& arguments);
int run_inspect(const Arguments& arguments);
int run_train(const Arguments& arguments);
int run_export(const Arguments& arguments);
int run_evaluate(const Arguments& arguments);
int run_ask(const Arguments& arguments);
int run_predict(const Arguments& arguments);
int run_translate(const Arguments& arguments);
int run_align(const Arguments& arguments);
int run_generate(const Arguments& arguments);
int run_recommend(const Arguments& arguments);
int run_serve(const Arguments& arguments);
int run_plot(const Arguments& arguments);
int run_index(const Arguments& arguments);
int run_query(const Arguments& arguments);
int run_store(const Arguments& arguments);
int run_shard(const Arguments& arguments);
int run_completion(const Arguments& arguments);
int run_version(const Arguments& arguments);

// The syntax of a verb's command line. Positional arguments become string options of these names, in order.
struct CommandLine {
    std::string usage;                                    // "kvmem ask RUN [QUESTION] [options]"
    std::string about;                                    // for --help
    po::options_description options{"Options", 100, 50};  // lines of help may have 100 columns
    std::vector<std::string> positional;
    po::options_description hidden{};  // options that --help leaves out
    std::string rest{};                // name for all further arguments, a list of strings; "": none are allowed
    po::options_description shown{};   // that --help lists behind the others, without parsing them
    std::map<std::string, std::vector<std::string>>
        choices{};  // values of options and of the first argument, to complete
};

// Asks for the names that may follow the arguments before it, a line each: what shells complete.
inline constexpr const char* list_options = "--list-options";
// The same for the values of the option before it, or else for the verb's first argument.
inline constexpr const char* list_values = "--list-values";

// Parses the arguments. For --help, list_options and list_values, prints what is wanted and returns false. Throws
// UsageError.
bool parse(const CommandLine& line, const Arguments& arguments, po::variables_map& values);

// The value of an option. Throws UsageError, which expects `meaning`, when it is missing or empty.
std::string required(const po::variables_map& values, const std::string& option, const std::string& meaning);

// The value of an option that takes several files, and these files; none if it was not given.
using Paths = std::vector<std::string>;
std::vector<std::filesystem::path> files_of(const po::variables_map& values, const std::string& option);

// The choice of an enumeration, of which choices(Choice) has the names. Throws UsageError, with `expected`, for another
// name.
template <class Choice>
Choice choice_named(const std::string& name, const char* option, const char* expected) {
    const auto names = choices(Choice{});
    const auto found = std::ranges::find(names, name);
    require_option(found != names.end(), option, expected);
    return static_cast<Choice>(found - names.begin());
}

// Throws UsageError that names the option unless its value is at least `min`.
void require_at_least(std::int64_t value, std::int64_t min, const std::string& option);

// What a verb threw: the text of its line, and the exit code.
struct Failure {
    std::string what;
    int code;
};
Failure current_failure();  // of the exception that is being handled

// A line of progress on stderr: rewritten up to 10 times a second on a terminal, otherwise printed every 5 seconds.
class Progress {
  public:
    Progress();
    ~Progress();  // ends the line
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    bool due() const;                     // whether show() would print now
    void show(const std::string& line);   // prints a line that the next one replaces, if it is due
    void print(const std::string& line);  // prints a line that stays
    void clear();                         // removes the line of show()

  private:
    using Clock = std::chrono::steady_clock;
    std::chrono::milliseconds interval() const;  // between two lines
    bool terminal_;
    bool shown_ = false;
    Clock::time_point next_;
};

// While an object exists, a first SIGINT or SIGTERM only sets signal(). A second one ends the program.
class Interruption {
  public:
    Interruption();
    ~Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

    static int signal();  // the signal, or 0
};

std::vector<std::string> split(const std::string& text, char separator);  // even empty parts; no part of ""
std::string joined(const std::vector<std::string>& texts, const std::string& separator = ", ");
std::string formatted(const char* format, double value);  // as printf does, up to 63 bytes
// "12.4k", "86.2%", "00:42"
std::string short_number(double value);
std::string percent(double share);
std::string quoted(const std::string& argument);  // as a shell's word, in quotes if it needs them
std::string minutes(double seconds);
void print_row(const std::string& name, const std::string& value);  // of a table, to stdout
std::string plural(std::int64_t count, const std::string& noun);    // "1 question", "12,345 questions"
std::size_t width_of(const std::string& text);                      // in characters
std::string padded(const std::string& text, std::size_t width);     // with blanks behind it, up to this width

}  // namespace kvmem::apps
