#include "tasks/sequences/synth/makers.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

namespace kvmem::synth {

namespace {

constexpr const char* weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr const char* months[] = {"January", "February", "March",     "April",   "May",      "June",
                                  "July",    "August",   "September", "October", "November", "December"};
constexpr const char* ordinals[] = {"first",     "second",      "third",      "fourth",     "fifth",
                                    "sixth",     "seventh",     "eighth",     "ninth",      "tenth",
                                    "eleventh",  "twelfth",     "thirteenth", "fourteenth", "fifteenth",
                                    "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth"};

// %A %a weekday; %d %D %o %O day as 5, 05, 5th, fifth; %B %b %m %M month as March, Mar, 3, 03; %Y %y year as 2016, 16.
// Digits alone have dots when the day comes first and slashes when the year does.
constexpr std::string_view forms[] = {
    "%d %B %Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%b %d, %Y",
    "%B %o, %Y",
    "%B %o %Y",
    "%A, %d %B %Y",
    "%A, %B %d, %Y",
    "%a %d %b %Y",
    "%a, %b %d, %Y",
    "%A, the %o of %B %Y",
    "the %o of %B %Y",
    "the %o of %B, %Y",
    "the %O of %B %Y",
    "%A, the %O of %B, %Y",
    "%B the %O, %Y",
    "%d-%b-%Y",
    "%d %b %y",
    "%d.%m.%Y",
    "%D.%M.%Y",
    "%d.%m.%y",
    "%Y/%m/%d",
    "%Y/%M/%D",
    "%Y %B %d",
};

std::string ordinal_suffix(unsigned day) {
    if (day / 10 == 1) return "th";
    return day % 10 == 1 ? "st" : day % 10 == 2 ? "nd" : day % 10 == 3 ? "rd" : "th";
}

std::string ordinal_word(unsigned day) {
    if (day <= 20) return ordinals[day - 1];
    if (day == 30) return "thirtieth";
    return std::string(day < 30 ? "twenty-" : "thirty-") + ordinals[day % 10 - 1];
}

std::string two_digits(unsigned number) {
    return {static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
}

class DateText {
  public:
    DateText(std::chrono::sys_days date, std::string_view form) : date_(date), weekday_(date) {
        const auto year = static_cast<unsigned>(static_cast<int>(date_.year()));
        made_.target =
            two_digits(year / 100) + two_digits(year % 100) + "-" + two_digits(month()) + "-" + two_digits(day());
        for (std::size_t i = 0; i < form.size(); ++i) {
            if (form[i] == '%')
                write(form[++i]);
            else
                made_.source += form[i];
        }
        for (const std::vector<Index>& positions : origins_) made_.origins.push_row(positions);
    }
    MadePair pair() { return std::move(made_); }

  private:
    static constexpr std::size_t year_at = 0, month_at = 5, day_at = 8;  // in the target

    unsigned month() const { return static_cast<unsigned>(date_.month()); }
    unsigned day() const { return static_cast<unsigned>(date_.day()); }

    void write(char part) {
        const std::string weekday = weekdays[weekday_.c_encoding()], name = months[month() - 1];
        if (part == 'A') made_.source += weekday;
        if (part == 'a') made_.source += weekday.substr(0, 3);
        if (part == 'd') write_number(std::to_string(day()), day_at, 2);
        if (part == 'D') write_number(two_digits(day()), day_at, 2);
        if (part == 'o') write_number(std::to_string(day()), day_at, 2), made_.source += ordinal_suffix(day());
        if (part == 'O') write_name(ordinal_word(day()), day_at);
        if (part == 'B') write_name(name, month_at);
        if (part == 'b') write_name(name.substr(0, 3), month_at);
        if (part == 'm') write_number(std::to_string(month()), month_at, 2);
        if (part == 'M') write_number(two_digits(month()), month_at, 2);
        if (part == 'Y') write_number(made_.target.substr(year_at, 4), year_at, 4);
        if (part == 'y') write_number(made_.target.substr(2, 2), year_at, 4);
    }

    // The last digits of the target came from those of the number, and what it lacks from all of it.
    void write_number(const std::string& digits, std::size_t target, std::size_t count) {
        const auto at = static_cast<Index>(made_.source.size());
        made_.source += digits;
        for (std::size_t i = 0; i < digits.size(); ++i) {
            const Index position = at + static_cast<Index>(i);
            origins_[target + count - digits.size() + i] = {position};
            for (std::size_t lacking = 0; lacking + digits.size() < count; ++lacking)
                origins_[target + lacking].push_back(position);
        }
    }

    void write_name(const std::string& name, std::size_t target) {
        for (std::size_t i = 0; i < name.size(); ++i)
            for (std::size_t digit = 0; digit < 2; ++digit)
                origins_[target + digit].push_back(static_cast<Index>(made_.source.size() + i));
        made_.source += name;
    }

    std::chrono::year_month_day date_;
    std::chrono::weekday weekday_;
    MadePair made_;
    std::vector<Index> origins_[10];
};

}  // namespace

MadePair make_date(Rng& rng) {
    using namespace std::chrono;
    constexpr sys_days first = 1950y / January / 1, last = 2049y / December / 31;
    const sys_days date = first + days(rng.below((last - first).count() + 1));
    MadePair made = DateText(date, forms[rng.below(std::size(forms))]).pair();
    const bool lower = rng.below(4) == 0;
    if (lower)
        std::ranges::transform(made.source, made.source.begin(),
                               [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return made;
}

}  // namespace kvmem::synth
