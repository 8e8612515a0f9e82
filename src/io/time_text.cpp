#include "io/time_text.hpp"

#include "kvmem/core/number.hpp"
#include "kvmem/core/option_error.hpp"

#include <array>
#include <chrono>
#include <cmath>

namespace kvmem {

static constexpr std::array<const char*, time_forms> form_names = {
    "seconds", "milliseconds", "microseconds", "compact", "year-first", "day-first", "month-first", "named"};

const char* name_of(TimeForm form) { return form_names[static_cast<std::size_t>(form)]; }

static std::string joined_names(const std::bitset<time_forms>& forms) {
    std::string names;
    for (std::size_t i = 0; i < forms.size(); ++i)
        if (forms[i]) names += std::string(names.empty() ? "" : " or ") + form_names[i];
    return names;
}

std::optional<TimeForm> time_form_named(std::string_view name, const char* option) {
    if (name == "auto") return {};
    for (std::size_t i = 0; i < form_names.size(); ++i)
        if (name == form_names[i]) return static_cast<TimeForm>(i);
    throw OptionError(option, "auto or " + joined_names(std::bitset<time_forms>().set()),
                      "'" + std::string(name) + "'");
}

namespace {

// A text that is read from its front.
struct Scanner {
    std::string_view rest;

    bool skip(char c) {
        if (!rest.starts_with(c)) return false;
        rest.remove_prefix(1);
        return true;
    }
    void skip_blanks() {
        while (skip(' ')) {
        }
    }
    // The character, if it is one of these.
    std::optional<char> any_of(std::string_view characters) {
        if (rest.empty() || characters.find(rest[0]) == std::string_view::npos) return {};
        const char c = rest[0];
        rest.remove_prefix(1);
        return c;
    }
    // A number of up to `digits` digits.
    std::optional<int> number(std::size_t min_digits, std::size_t max_digits) {
        const std::size_t length = std::min(rest.find_first_not_of("0123456789"), rest.size());
        if (length < min_digits || length > max_digits) return {};
        const std::optional<int> value = number_of<int>(rest.substr(0, length));
        rest.remove_prefix(length);
        return value;
    }
    // Letters, in lower case.
    std::string word() {
        std::string letters;
        for (; !rest.empty() && std::isalpha(static_cast<unsigned char>(rest[0])); rest.remove_prefix(1))
            letters += static_cast<char>(std::tolower(static_cast<unsigned char>(rest[0])));
        return letters;
    }
};

}  // namespace

static constexpr Index day = 86400;

// The seconds at which a day begins.
static std::optional<Index> day_begin(int year, int month, int of_month) {
    const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(of_month)));
    if (!date.ok() || year < 1 || year > 9999) return {};
    return std::chrono::sys_days(date).time_since_epoch().count() * day;
}

// Three numbers with equal separators between them: their positions of year, month and day.
static std::optional<Index> numeric_date(Scanner& text, std::size_t year, std::size_t month, std::size_t of_month) {
    std::array<int, 3> parts{};
    std::optional<char> separator;
    for (std::size_t i = 0; i < 3; ++i) {
        const auto part = i == year ? text.number(4, 4) : text.number(1, 2);
        if (!part) return {};
        parts[i] = *part;
        if (i == 0) separator = text.any_of("-/.");
        if (!separator || (i == 1 && !text.skip(*separator))) return {};
    }
    return day_begin(parts[year], parts[month], parts[of_month]);
}

static std::optional<int> month_of(const std::string& word) {
    constexpr std::array<std::string_view, 12> months = {"january",   "february", "march",    "april",
                                                         "may",       "june",     "july",     "august",
                                                         "september", "october",  "november", "december"};
    for (std::size_t i = 0; i < months.size(); ++i)
        if (word == months[i] || word == months[i].substr(0, 3)) return static_cast<int>(i) + 1;
    return {};
}

// "Wed, 01 Dec 2010", "Dec 1, 2010", "1-Dec-2010".
static std::optional<Index> named_date(Scanner& text) {
    const auto gap = [&text] {
        while (text.any_of(" -,.")) {
        }
    };
    std::string word = text.word();
    if (!word.empty() && !month_of(word)) {
        gap();
        word = text.word();
    }
    std::optional<int> month = month_of(word), of_month;
    if (!word.empty() && !month) return {};
    gap();
    of_month = text.number(1, 2);
    gap();
    if (!month) month = month_of(text.word());
    gap();
    const auto year = text.number(4, 4);
    if (!month || !of_month || !year) return {};
    return day_begin(*year, *month, *of_month);
}

// The rest of a text behind its date: a time of day and a zone, as seconds to add. Nothing is 0.
static std::optional<Index> time_of_day(Scanner& text) {
    if (text.rest.empty()) return 0;
    if (!text.any_of("T ,")) return {};
    text.skip_blanks();
    const auto hour = text.number(1, 2);
    if (!hour || !text.skip(':')) return {};
    const auto minute = text.number(2, 2);
    const auto second = text.skip(':') ? text.number(2, 2) : std::optional(0);
    if (!minute || !second || *hour > 23 || *minute > 59 || *second > 60) return {};
    if (text.any_of(".,") && !text.number(1, 9)) return {};
    Index seconds = (Index{*hour} * 60 + *minute) * 60 + *second;
    text.skip_blanks();
    if (const auto sign = text.any_of("+-")) {
        const auto hours = text.number(2, 4);
        const auto minutes = text.skip(':') ? text.number(2, 2) : std::optional(0);
        if (!hours || !minutes) return {};
        const int zone = *hours > 99 ? *hours / 100 * 60 + *hours % 100 : *hours * 60 + *minutes;
        return text.rest.empty() ? std::optional(seconds + (*sign == '+' ? -1 : 1) * Index{zone} * 60) : std::nullopt;
    }
    std::string word = text.word();
    if (word == "am" || word == "pm") {
        if (*hour < 1 || *hour > 12) return {};
        seconds += (word == "pm" ? 12 : 0) * Index{3600} - (*hour == 12 ? 12 : 0) * Index{3600};
        text.skip_blanks();
        word = text.word();
    }
    const bool zone_is_utc = word.empty() || word == "z" || word == "utc" || word == "gmt";
    return zone_is_utc && text.rest.empty() ? std::optional(seconds) : std::nullopt;
}

static std::optional<Index> unix_time(std::string_view text, Index unit) {
    if (const auto whole = number_of<Index>(text)) return *whole / unit - (*whole % unit < 0);
    const auto number = number_of<double>(text);
    if (!number || std::abs(*number) > 1e18) return {};
    return static_cast<Index>(std::floor(*number / static_cast<double>(unit)));
}

static std::optional<Index> date_and_time(std::string_view text, TimeForm form) {
    Scanner scanner{text};
    std::optional<Index> date;
    if (form == TimeForm::compact) {
        const auto digits = scanner.number(8, 8);
        if (digits) date = day_begin(*digits / 10000, *digits / 100 % 100, *digits % 100);
    } else if (form == TimeForm::year_first) {
        date = numeric_date(scanner, 0, 1, 2);
    } else if (form == TimeForm::day_first) {
        date = numeric_date(scanner, 2, 1, 0);
    } else if (form == TimeForm::month_first) {
        date = numeric_date(scanner, 2, 0, 1);
    } else {
        date = named_date(scanner);
    }
    const auto time = date ? time_of_day(scanner) : std::nullopt;
    return time ? std::optional(*date + *time) : std::nullopt;
}

std::optional<Index> parse_time(std::string_view text, TimeForm form) {
    constexpr Index min = -62135596800, max = 253402300799;
    text = trim(text);
    std::optional<Index> time;
    if (form == TimeForm::seconds)
        time = unix_time(text, 1);
    else if (form == TimeForm::milliseconds)
        time = unix_time(text, 1000);
    else if (form == TimeForm::microseconds)
        time = unix_time(text, 1000000);
    else
        time = date_and_time(text, form);
    return time && *time >= min && *time <= max ? time : std::nullopt;
}

TimeGuess::TimeGuess() { fits_.set(); }

// Whether a number has a size that its form makes likely.
static bool plausible(std::string_view text, TimeForm form) {
    if (form > TimeForm::microseconds) return true;
    const double number = std::abs(number_of<double>(trim(text)).value_or(0));
    if (form == TimeForm::seconds) return number < 1e11;
    if (form == TimeForm::milliseconds) return number >= 1e11 && number < 1e14;
    return number >= 1e14;
}

void TimeGuess::see(std::string_view text, const Location& location) {
    std::bitset<time_forms> fits;
    for (std::size_t i = 0; i < fits.size(); ++i) {
        const auto form = static_cast<TimeForm>(i);
        fits[i] = fits_[i] && plausible(text, form) && parse_time(text, form);
    }
    if (fits.none())
        throw location.error("this is no time of the form of those before", joined_names(fits_),
                             "'" + std::string(text.substr(0, 40)) + "'", "name the form: --time-form");
    fits_ = fits;
}

TimeForm TimeGuess::form(const std::string& where) const {
    for (std::size_t i = 0; i < fits_.size(); ++i)
        if (fits_.count() == 1 && fits_[i]) return static_cast<TimeForm>(i);
    throw error_in(where, "the times can be read in several ways", "one form for all of them", joined_names(fits_),
                   "name the form: --time-form");
}

}  // namespace kvmem
