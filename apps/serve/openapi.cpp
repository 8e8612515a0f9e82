// The table of endpoints as OpenAPI 3.1.
#include "kvmem/version.hpp"
#include "service.hpp"

#include <algorithm>

namespace kvmem::apps {

namespace json = boost::json;

static json::object content(const char* type, json::value schema) {
    return {{type, json::object{{"schema", std::move(schema)}}}};
}

static json::array parameters_of(const Endpoint& endpoint) {
    json::array all;
    if (std::string_view(endpoint.path).find("{store}") != std::string_view::npos)
        all.push_back(json::object{
            {"name", "store"}, {"in", "path"}, {"required", true}, {"schema", json::object{{"type", "string"}}}});
    const json::object schema = schema_of(endpoint.parameters);
    for (const auto& [name, one] : schema.at("properties").as_object())
        all.push_back(json::object{{"name", name}, {"in", "query"}, {"schema", one}});
    return all;
}

static json::object body_of(const Endpoint& endpoint) {
    json::object types;
    if (!endpoint.members.empty()) types = content("application/json", schema_of(endpoint.members));
    if (types.empty() && !*endpoint.also_takes) types = content("application/json", json::object());
    if (*endpoint.also_takes)
        types[endpoint.also_takes] = json::object{{"schema", json::object{{"type", "string"}, {"format", "binary"}}}};
    return {{"required", true}, {"content", std::move(types)}};
}

static json::object operation_of(const Endpoint& endpoint) {
    const json::value schema = endpoint.reply_schema.empty() ? json::value(json::object{{"type", "string"}})
                                                             : json::parse(json::string_view(endpoint.reply_schema));
    const json::object problem{{"$ref", "#/components/responses/Problem"}};
    json::object operation{
        {"operationId", endpoint.name},
        {"summary", endpoint.summary},
        {"responses",
         json::object{{"200", json::object{{"description", "Done"}, {"content", content(endpoint.gives, schema)}}},
                      {"4XX", problem},
                      {"5XX", problem}}}};
    if (json::array parameters = parameters_of(endpoint); !parameters.empty())
        operation["parameters"] = std::move(parameters);
    if (std::string_view(endpoint.method) != "GET") operation["requestBody"] = body_of(endpoint);
    if (endpoint.is_public) operation["security"] = json::array();
    return operation;
}

std::string openapi() {
    json::object paths;
    for (const Endpoint& endpoint : endpoints()) {
        std::string method = endpoint.method;
        std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c | 0x20); });
        json::value& path = paths.emplace(endpoint.path, json::object()).first->value();
        path.as_object()[method] = operation_of(endpoint);
    }
    const json::value problem = json::parse(
        R"({"description":"RFC 9457","content":{"application/problem+json":{"schema":{"type":"object","required":["title","status"],"properties":{"type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},"expected":{"type":"string"},"got":{"type":"string"},"where":{"type":"string"},"hint":{"type":"string"}}}}}})");
    const json::object all{
        {"openapi", "3.1.0"},
        {"info", json::object{{"title", "kvmem serve"}, {"version", KVMEM_VERSION}}},
        {"servers", json::array{json::object{{"url", "/"}}}},
        {"security", json::array{json::object(), json::object{{"token", json::array()}}}},
        {"paths", std::move(paths)},
        {"components", json::object{{"responses", json::object{{"Problem", problem}}},
                                    {"securitySchemes",
                                     json::object{{"token", json::object{{"type", "http"}, {"scheme", "bearer"}}}}}}}};
    return json::serialize(all) + "\n";
}

}  // namespace kvmem::apps
