// Invoices as UCI Online Retail has them (Chen, Sain, Guo 2012).
#include "io/time_text.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "tasks/recommendation/import/sources.hpp"

#include <cctype>

namespace kvmem {

namespace {

struct RetailTable {
    TableReader table;
    std::size_t invoice, code, description, quantity, time, customer, country;

    RetailTable(const Source& source, const EventsImport& options)
        : table(source, table_form_of(source.name), options.progress) {
        invoice = table.column("InvoiceNo"), code = table.column("StockCode");
        description = table.column("Description"), quantity = table.column("Quantity");
        time = table.column("InvoiceDate"), customer = table.column("CustomerID"), country = table.column("Country");
    }
};

}  // namespace

// "17850.0", as some exports write it, is "17850".
static std::string_view whole_number(std::string_view id) {
    if (id.ends_with(".0")) id.remove_suffix(2);
    return id;
}

static TimeForm time_form(const Source& source, const EventsImport& options) {
    RetailTable rows(source, options);
    TimeGuess guess;
    EventsImport quiet;
    if (options.on_bad_line) quiet.on_bad_line = [](const Error&) {};
    for_each_row(rows.table, quiet, [&] { guess.see(rows.table.field(rows.time), rows.table.location()); });
    return guess.form(source.name);
}

static void add_product(EventsBuilder& builder, Token product, std::string_view description) {
    description = trim(description);
    if (description.empty()) return;
    builder.set_text("item", product, description);
    for (const Word& word : split_words(description)) builder.add_value("item", product, "word", word.text);
}

EventsDataset retail_from(const Source& source, const EventsImport& options) {
    const TimeForm form = time_form(source, options);
    RetailTable rows(source, options);
    EventsBuilder builder;
    Index no_customer = 0, no_product = 0;
    std::vector<bool> described, placed;  // products and customers whose features are known
    const auto first = [](std::vector<bool>& done, Token number) {
        if (done.size() <= static_cast<std::size_t>(number)) done.resize(static_cast<std::size_t>(number) + 1);
        const bool is_first = !done[static_cast<std::size_t>(number)];
        done[static_cast<std::size_t>(number)] = true;
        return is_first;
    };
    for_each_row(rows.table, options, [&] {
        const TableReader& table = rows.table;
        const std::string_view customer = whole_number(table.field(rows.customer)), code = table.field(rows.code);
        if (customer.empty()) return void(++no_customer);
        if (code.empty() || !std::isdigit(static_cast<unsigned char>(code[0]))) return void(++no_product);
        const auto time = parse_time(table.field(rows.time), form);
        if (!time) throw table.location().error("a time is wrong", name_of(form));
        const bool cancelled = table.field(rows.invoice).starts_with('C');
        add_event(builder,
                  {.user = customer,
                   .object = code,
                   .time = *time,
                   .action = cancelled ? "return" : "buy",
                   .value = number_in(table.field(rows.quantity), "a quantity", table.location()),
                   .basket = cancelled ? std::string_view() : table.field(rows.invoice)},
                  table.location());
        if (const Token product = builder.object("item", code); first(described, product))
            add_product(builder, product, table.field(rows.description));
        if (const Token user = builder.user(customer); first(placed, user) && !table.field(rows.country).empty())
            builder.add_user_value(user, "country", table.field(rows.country));
    });
    if (options.on_left_out && no_customer) options.on_left_out("rows without a customer", no_customer);
    if (options.on_left_out && no_product) options.on_left_out("rows whose code is no product's", no_product);
    return finish_import(builder, options, source.name);
}

EventsDataset import_retail(const std::filesystem::path& path, const EventsImport& options) {
    return retail_from(read_events_source(path), options);
}

}  // namespace kvmem
