// kvmem serve RUN|DOCUMENTS|STORE...: trained models, documents and stores over HTTP, with a page.
#include "kvmem/core/file.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/text.hpp"
#include "program.hpp"
#include "server.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>

namespace kvmem::apps {

static const char* const about_serve =
    "Serves trained runs, one of each task, a data set of documents, and stores of vectors: to a browser, a page that\n"
    "shows what was read for an answer; to programs, the endpoints of /openapi.json. It listens on this machine alone, "
    "unless --address names\n"
    "another address, which needs --token-file. SIGTERM answers what was sent and ends; SIGHUP opens runs,\n"
    "documents, stores that are read only, and the log anew.";

static std::vector<std::string> list_of(const po::variables_map& values, const char* option) {
    return values.count(option) ? values[option].as<std::vector<std::string>>() : std::vector<std::string>{};
}

static std::string token_of(const po::variables_map& values, const char* option) {
    if (!values.count(option)) return {};
    constexpr std::size_t min_size = 16;
    std::string token = read_file(values[option].as<std::string>());
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
    require_option(token.size() >= min_size && token.find_first_of(" \t\r\n") == std::string::npos, option,
                   "a file with one line of at least 16 characters without blanks");
    return token;
}

static bool is_loopback(const std::string& address) { return address == "::1" || address.starts_with("127."); }

// Whether other servers have shards of what is served.
static bool is_front(const po::variables_map& values) {
    return values.count("shards") || values.count("document-shards") || values.count("memory-shards");
}

static ServerOptions options_of(const po::variables_map& values) {
    constexpr int max_port = 65535, max_count = 100'000;
    ServerOptions options;
    const auto number = [&](const char* option, int min, int max) {
        const int value = values[option].as<int>();
        require_option(value >= min && value <= max, option,
                       (std::to_string(min) + " to " + std::to_string(max)).c_str());
        return value;
    };
    options.port = static_cast<unsigned short>(number("port", 0, max_port));
    options.token = token_of(values, "token-file");
    options.hosts = list_of(values, "allow-host");
    options.origins = list_of(values, "allow-origin");
    options.max_waiting = static_cast<std::size_t>(number("queue", 1, max_count));
    options.max_connections = static_cast<std::size_t>(number("connections", 1, max_count));
    const int workers = number("workers", 0, 1024);
    const int waiting = is_front(values) ? 32 : 0;  // workers that wait for shards take no core
    options.workers = workers > 0 ? workers : std::max(waiting, thread_count());
    if (values.count("log")) options.log = values["log"].as<std::string>();
    if (const auto addresses = list_of(values, "address"); !addresses.empty()) options.addresses = addresses;
    for (const std::string& address : options.addresses)
        require_option(is_loopback(address) || !options.token.empty(), "address",
                       "a loopback address, or --token-file beside it");
    return options;
}

static FrontOptions front_options_of(const po::variables_map& values) {
    constexpr double max_seconds = 3600, milliseconds = 1000;
    const double seconds = values["shard-timeout"].as<double>();
    require_option(seconds >= 0.001 && seconds <= max_seconds, "shard-timeout", "0.001 to 3600");
    for (const char* option : {"shard-timeout", "whole", "shard-token-file"})
        require_option(is_front(values) || !values.count(option) || values[option].defaulted(), option,
                       "--shards, --document-shards or --memory-shards beside it");
    const auto urls = [&](const char* option) {
        if (!values.count(option)) return std::string();
        const auto& text = values[option].as<std::string>();
        require_option(!text.empty(), option, "addresses like http://HOST:PORT");
        return text;
    };
    return {list_of(values, "shards"), urls("document-shards"),
            urls("memory-shards"),     std::chrono::milliseconds(std::llround(seconds * milliseconds)),
            values.count("whole") > 0, token_of(values, "shard-token-file")};
}

int run_serve(const Arguments& arguments) {
    CommandLine line{.usage = "kvmem serve RUN|DOCUMENTS|STORE... [options]", .about = about_serve, .positional = {}};
    line.rest = "served";
    const auto texts = [] { return po::value<std::vector<std::string>>()->composing(); };
    line.options.add_options()                                                                                 //
        ("port,p", po::value<int>()->default_value(8080), "0: one that is free")                               //
        ("address", texts(), "to listen on [127.0.0.1 and ::1]; may be given several times")                   //
        ("memory,m", po::value<std::string>(), "data set that the run of questions reads instead of its own")  //
        ("writable", "stores may be changed: put, remove, compact")                                            //
        ("token-file", po::value<std::string>(), "requests must bring the token in this file")                 //
        ("allow-host", texts(), "a further name of this server, with its port unless that is 80")              //
        ("allow-origin", texts(), "a site whose pages may use this server: https://example.org")               //
        ("workers", po::value<int>()->default_value(0), "threads that compute replies; 0: one for each core")  //
        ("queue", po::value<int>()->default_value(1024), "requests that may wait for them; more get 503")      //
        ("connections", po::value<int>()->default_value(4096), "connections at once; more get 503")            //
        ("shards", texts(),
         "a store whose shards other servers have: NAME=URL,URL... with http://HOST:PORT/STORE for each, URL|URL for "
         "replicas; may be given several times")  //
        ("document-shards", po::value<std::string>(),
         "documents whose shards other servers have: URL,URL... with http://HOST:PORT for each, in their order, "
         "URL|URL "
         "for replicas")  //
        ("memory-shards", po::value<std::string>(),
         "facts that the run of questions reads, whose shards other servers have, as with --document-shards; --memory "
         "is then one of these shards, and tells the names")  //
        ("shard-timeout", po::value<double>()->default_value(2, "2"),
         "seconds for a reply of a shard, before its next replica is tried")  //
        ("whole",
         "with --shards or --document-shards: a shard that does not answer is an error, instead of a partial result, "
         "as it is with --memory-shards")  //
        ("shard-token-file", po::value<std::string>(),
         "the token that the servers of shards want")  //
        ("log", po::value<std::string>(), "file for a JSON line for each request; -: standard error");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    ServedPaths paths{list_of(values, "served"), {}, values.count("writable") > 0, front_options_of(values)};
    if (paths.paths.empty() && !is_front(values))
        throw UsageError({.what = "nothing to serve", .expected = "run directories or stores", .hint = "see --help"});
    if (values.count("memory")) paths.memory = values["memory"].as<std::string>();
    ServerOptions options = options_of(values);
    Service service(std::move(paths));
    Server server(service, options);
    const std::string& address = options.addresses.front();
    const std::string name = is_loopback(address)                     ? "localhost"
                             : address.find(':') == std::string::npos ? address
                                                                      : "[" + address + "]";
    std::cout << "open http://" << name << ":" << server.port() << "/" << std::endl;
    server.run();
    return 0;
}

}  // namespace kvmem::apps
