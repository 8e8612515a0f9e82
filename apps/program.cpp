#include "program.hpp"

#include "field_options.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/core/option_error.hpp"
#include "kvmem/core/text.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <map>
#include <new>
#include <set>
#include <type_traits>
#include <typeinfo>

namespace kvmem::apps {

// Throws UsageError for text that number_of() refuses. Boost would read "-1" as an unsigned number, and "inf" as a
// double.
template <class... Numbers>
static void require_numbers(const po::option& option, const std::type_info& type) {
    const auto require = [&]<class Number>(std::type_identity<Number>) {
        if (type != typeid(Number)) return;
        for (const std::string& text : option.value)
            if (!number_of<Number>(text))
                throw OptionError(option.string_key, numbers_expected<Number>(), text, "see --help");
    };
    (require(std::type_identity<Numbers>()), ...);
}

static po::parsed_options require_numbers(const po::parsed_options& parsed) {
    for (const po::option& option : parsed.options)
        if (const po::option_description* known = parsed.description->find_nothrow(option.string_key, false))
            if (const auto* typed = dynamic_cast<const po::typed_value_base*>(known->semantic().get()))
                require_numbers<int, unsigned, long, unsigned long, float, double>(option, typed->value_type());
    return parsed;
}

// Of each option its name, a tab and the first line of its help.
static void print_names(const po::options_description& options) {
    for (const auto& option : options.options()) {
        const std::string& help = option->description();
        std::cout << "--" << option->long_name() << "\t" << help.substr(0, help.find('\n')) << "\n";
    }
}

// What stands for the value of a text in help, unless the option says it.
static const char* name_of_text(const std::string& option) {
    static const std::map<std::string_view, std::set<std::string_view>> names{
        {"FILE", {"ask-facts", "data",   "documents",  "entities", "facts", "history", "html",       "items",  "kb",
                  "log",       "memory", "only",       "output",   "pairs", "results", "statements", "store",  "story",
                  "support",   "test",   "token-file", "train",    "users", "valid",   "values",     "without"}},
        {"RUN", {"run", "like", "with", "against", "selector"}},
        {"IDS", {"filter", "ids"}},
        {"TEXT", {"text", "prompt", "prefix", "title", "source", "origin", "license"}},
        {"FACT", {"add-fact", "remove-fact"}}};
    for (const auto& [name, options] : names)
        if (options.contains(option)) return name.data();
    return "NAME";
}

// Names the values of options of these types, in place of Boost's "arg".
template <class... Types>
static void name_values(const po::option_description& option, const char* name) {
    const auto set = [&]<class Type>(std::type_identity<Type>) {
        const auto* typed = dynamic_cast<const po::typed_value<Type>*>(option.semantic().get());
        if (typed && typed->name().starts_with(po::arg)) const_cast<po::typed_value<Type>*>(typed)->value_name(name);
    };
    (set(std::type_identity<Types>()), ...);
}

static void name_values(const po::options_description& options) {
    for (const auto& option : options.options()) {
        name_values<int, unsigned, long, unsigned long, float, double>(*option, "N");
        name_values<std::string, std::vector<std::string>>(*option, name_of_text(option->long_name()));
    }
}

// Prints the values that may stand at the end of the arguments, a line each.
static void print_values(const CommandLine& line, const Arguments& arguments) {
    std::string name;
    if (arguments.size() == 1 && !line.positional.empty())
        name = line.positional.front();
    else if (arguments.size() > 1 && arguments[arguments.size() - 2].starts_with("--"))
        name = arguments[arguments.size() - 2].substr(2);
    const auto known = line.choices.find(name);
    if (known != line.choices.end())
        for (const std::string& value : known->second) std::cout << value << "\n";
}

bool parse(const CommandLine& line, const Arguments& arguments, po::variables_map& values) {
    po::options_description all = line.options;
    all.add_options()("help,h", "print this and exit");
    if (std::ranges::find(arguments, list_options) != arguments.end()) {  // before it may be an unfinished command line
        print_names(all);
        return false;
    }
    if (!arguments.empty() && arguments.back() == list_values) {
        print_values(line, arguments);
        return false;
    }
    po::positional_options_description positional;
    po::options_description hidden;
    for (const std::string& name : line.positional) {
        positional.add(name.c_str(), 1);
        hidden.add_options()(name.c_str(), po::value<std::string>());
    }
    if (!line.rest.empty()) {
        positional.add(line.rest.c_str(), -1);
        hidden.add_options()(line.rest.c_str(), po::value<std::vector<std::string>>());
    }
    po::options_description known;
    known.add(all).add(hidden).add(line.hidden);
    try {
        po::store(require_numbers(po::command_line_parser(arguments).options(known).positional(positional).run()),
                  values);
        if (values.count("help")) {
            name_values(all);
            name_values(line.shown);
            std::cout << "usage: " << line.usage << "\n\n" << line.about << "\n\n" << all << line.shown;
            return false;
        }
        po::notify(values);
    } catch (const po::too_many_positional_options_error&) {
        throw UsageError({.what = "too many arguments",
                          .expected = line.usage.substr(0, line.usage.find('\n')),
                          .hint = "put a text of several words in quotes"});
    } catch (const po::error& e) {
        throw UsageError({.what = e.what(), .hint = "see --help"});
    }
    return true;
}

std::vector<std::filesystem::path> files_of(const po::variables_map& values, const std::string& option) {
    if (!values.count(option)) return {};
    const auto& paths = values[option].as<Paths>();
    return {paths.begin(), paths.end()};
}

std::string required(const po::variables_map& values, const std::string& option, const std::string& meaning) {
    if (!values.count(option) || values[option].as<std::string>().empty())
        throw UsageError({.what = "nothing given for " + option, .expected = meaning, .hint = "see --help"});
    return values[option].as<std::string>();
}

void require_at_least(std::int64_t value, std::int64_t min, const std::string& option) {
    if (value < min) throw OptionError(option, std::to_string(min) + " or more", std::to_string(value), "see --help");
}

Failure current_failure() {
    try {
        throw;
    } catch (const std::filesystem::filesystem_error& e) {
        return {e.path1().string() + ": cannot use this: got " + e.code().message(), 1};
    } catch (const OptionError& e) {
        // The library calls an option by its field, "valid_fraction"; users typed "--valid-fraction".
        Problem problem = e.problem();
        problem.what = "bad value of --" + option_of(e.option());
        return {Error(std::move(problem)).what(), 2};
    } catch (const UsageError& e) {
        return {e.what(), 2};
    } catch (const std::bad_alloc&) {
        return {"out of memory", 1};
    } catch (const std::ios_base::failure&) {
        return {"cannot write to the output", 1};
    } catch (const std::exception& e) {
        return {e.what(), 1};
    }
}

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) != 0), next_(Clock::now() + interval()) {}

std::chrono::milliseconds Progress::interval() const { return std::chrono::milliseconds(terminal_ ? 100 : 5000); }

Progress::~Progress() {
    if (shown_ && terminal_) std::fputs("\n", stderr);  // std::cerr would flush std::cout, which may throw
}

bool Progress::due() const { return Clock::now() >= next_; }

void Progress::show(const std::string& line) {
    if (!due()) return;
    next_ = Clock::now() + interval();
    clear();
    std::cerr << printable(line);
    if (terminal_)
        std::cerr << std::flush;
    else
        std::cerr << std::endl;
    shown_ = true;
}

void Progress::print(const std::string& line) {
    clear();
    std::cerr << printable(line) << std::endl;
}

void Progress::clear() {
    if (shown_ && terminal_) std::fputs("\r\033[K", stderr);  // past PrintableStream, which would show it
    shown_ = false;
}

static volatile std::sig_atomic_t caught_signal = 0;

static void catch_signal(int signal) {
    if (caught_signal != 0) std::_Exit(128 + signal);
    caught_signal = signal;
}

Interruption::Interruption() {
    std::signal(SIGINT, catch_signal);
    std::signal(SIGTERM, catch_signal);
}

Interruption::~Interruption() {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

int Interruption::signal() { return caught_signal; }

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t at = 0, end; at <= text.size() && !text.empty(); at = end + 1) {
        end = std::min(text.find(separator, at), text.size());
        parts.push_back(text.substr(at, end - at));
    }
    return parts;
}

std::string joined(const std::vector<std::string>& texts, const std::string& separator) {
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : separator) + text;
    return all;
}

std::string formatted(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

std::string short_number(double value) {
    if (value >= 1e6) return formatted("%.1fM", value / 1e6);
    if (value >= 1e3) return formatted("%.1fk", value / 1e3);
    return formatted("%.0f", value);
}

std::string percent(double share) { return formatted("%.2f%%", 100 * share); }

std::string quoted(const std::string& argument) {
    static constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=:,@%";
    if (!argument.empty() && argument.find_first_not_of(plain) == std::string::npos) return argument;
    std::string text = "'";
    for (const char c : argument) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

std::string minutes(double seconds) {
    const auto whole = static_cast<long>(std::clamp(std::round(seconds), 0.0, 360000.0));
    char text[32];
    std::snprintf(text, sizeof text, "%02ld:%02ld", whole / 60, whole % 60);
    return text;
}

void print_row(const std::string& name, const std::string& value) {
    std::cout << "  " << std::left << std::setw(37) << printable(name) << " " << printable(value) << "\n";
}

std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t width) {
    return text + std::string(width - std::min(width, width_of(text)), ' ');
}

std::string plural(std::int64_t count, const std::string& noun) {
    std::string digits = std::to_string(count);
    for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(at, 1, ',');
    return digits + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace kvmem::apps
