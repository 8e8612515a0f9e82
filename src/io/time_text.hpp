// Times in text. Not installed.
#pragma once

#include "io/text_source.hpp"
#include "kvmem/core/types.hpp"

#include <bitset>
#include <optional>
#include <string>
#include <string_view>

namespace kvmem {

// How times are written. A form with a date may have a time of day behind it, of 24 hours or with am and pm, and a zone
// ("Z", "UTC", "+01:00"), which is UTC otherwise.
enum class TimeForm {
    seconds,       // since 1970, maybe with a fraction, which is dropped
    milliseconds,  // since 1970
    microseconds,
    compact,      // 20101201
    year_first,   // 2010-12-01, 2010/12/01, 2010.12.01
    day_first,    // 1/12/2010, 01.12.2010, 01-12-2010
    month_first,  // 12/1/2010
    named         // 1 Dec 2010, Dec 1, 2010, Wed, 01 Dec 2010
};
inline constexpr int time_forms = 8;

// Its name on the command line: "year-first".
const char* name_of(TimeForm form);
// The form of a name, or nothing for "auto". Throws UsageError that names the option.
std::optional<TimeForm> time_form_named(std::string_view name, const char* option);

// Seconds since 1970 of a text in this form. No value: it is no such text, or beyond the years 1 to 9999.
std::optional<Index> parse_time(std::string_view text, TimeForm form);

// The form of a column of times.
class TimeGuess {
  public:
    TimeGuess();
    // Takes one text of the column into account. Throws Error when no form fits it and all before. Numbers are taken to
    // be seconds below 1e11, milliseconds below 1e14, and else microseconds.
    void see(std::string_view text, const Location& location);
    // The one form that fits all. Throws Error when several do.
    TimeForm form(const std::string& where) const;

  private:
    std::bitset<time_forms> fits_;
};

}  // namespace kvmem
