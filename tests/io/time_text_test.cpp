#include "io/time_text.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using Catch::Matchers::Contains;

namespace {

constexpr Index begin_2010_12_01 = 1291161600;

// The form of a column of texts, or what is wrong with it.
std::string form_of(const std::vector<std::string>& texts) {
    TimeGuess guess;
    const Source source{"t.csv", ""};
    try {
        for (const std::string& text : texts) guess.see(text, {&source, 7});
        return name_of(guess.form("t.csv"));
    } catch (const Error& e) {
        return e.what();
    }
}

}  // namespace

TEST_CASE("a moment is the same in every form", "[time]") {
    const Index time = begin_2010_12_01 + 8 * 3600 + 26 * 60;
    for (const char* text :
         {"2010-12-01 08:26:00", "2010-12-01T08:26Z", "2010/12/1 8:26", "2010-12-01T09:26:00.25+01:00",
          "2010-12-01 03:26 -0500", "2010.12.01 08:26:00 UTC", "2010-12-01 08:26 AM"}) {
        CAPTURE(text);
        CHECK(parse_time(text, TimeForm::year_first) == time);
    }
    CHECK(parse_time("1/12/2010 8:26", TimeForm::day_first) == time);
    CHECK(parse_time("01.12.2010 08:26", TimeForm::day_first) == time);
    CHECK(parse_time("12/1/2010 8:26", TimeForm::month_first) == time);
    CHECK(parse_time("20101201 08:26", TimeForm::compact) == time);
    CHECK(parse_time("Wed, 01 Dec 2010 08:26:00 GMT", TimeForm::named) == time);
    CHECK(parse_time("December 1, 2010 8:26 am", TimeForm::named) == time);
    CHECK(parse_time(std::to_string(time), TimeForm::seconds) == time);
    CHECK(parse_time(std::to_string(time) + ".75", TimeForm::seconds) == time);
    CHECK(parse_time(std::to_string(time) + "999", TimeForm::milliseconds) == time);
    CHECK(parse_time("-1", TimeForm::milliseconds) == -1);
    CHECK(parse_time("2010-12-01 12:00 am", TimeForm::year_first) == begin_2010_12_01);
    CHECK(parse_time("2010-12-01 12:00 pm", TimeForm::year_first) == begin_2010_12_01 + 12 * 3600);
}

TEST_CASE("texts that are no moment have no time", "[time]") {
    for (const char* text : {"", "2010-13-01", "2010-02-30", "10-12-01", "2010-12/01", "2010-12-01 25:00",
                             "2010-12-01x", "2010-12-01 13:00 pm", "0000-01-01", "2010-12-01 08:26 CET"})
        CHECK_FALSE(parse_time(text, TimeForm::year_first));
    CHECK_FALSE(parse_time("1e300", TimeForm::seconds));
    CHECK_FALSE(parse_time("9223372036854775807", TimeForm::seconds));
    CHECK_FALSE(parse_time("nan", TimeForm::seconds));
    CHECK_FALSE(parse_time("1 Foo 2010", TimeForm::named));
}

TEST_CASE("the form of a column is the one that fits all of it", "[time]") {
    CHECK(form_of({"964982703", "0"}) == "seconds");
    CHECK(form_of({"1661724000278", "1661724000300"}) == "milliseconds");
    CHECK(form_of({"1/12/2010 8:26", "13/12/2010 8:26"}) == "day-first");
    CHECK(form_of({"1/12/2010", "1/13/2010"}) == "month-first");
    CHECK(form_of({"2010-12-01", "2010-12-01 08:26"}) == "year-first");
    CHECK(form_of({"20101201", "964982703"}) == "seconds");
}

TEST_CASE("times that can be read in several ways are refused", "[time]") {
    CHECK_THAT(form_of({"1/12/2010", "2/3/2011"}), Contains("several ways") && Contains("day-first or month-first"));
    CHECK_THAT(form_of({"20101201", "20110203"}), Contains("several ways") && Contains("seconds or compact"));
    CHECK_THAT(form_of({"13/12/2010", "12/13/2010"}), Contains("t.csv:7") && Contains("12/13/2010"));
    CHECK_THAT(form_of({"964982703", "1661724000278"}), Contains("t.csv:7"));
    CHECK_THAT(form_of({"yesterday"}), Contains("no time"));
    CHECK_THROWS_AS(time_form_named("iso", "time-form"), UsageError);
    CHECK(time_form_named("day-first", "time-form") == TimeForm::day_first);
    CHECK_FALSE(time_form_named("auto", "time-form"));
}
