#include "metrics.hpp"

#include "kvmem/version.hpp"
#include "program.hpp"

#include <algorithm>

namespace kvmem::apps {

void Metrics::count(const std::string& endpoint, int status, double seconds) {
    ++requests_[{endpoint, status}];
    Histogram& histogram = seconds_[endpoint];
    ++histogram.counts[std::ranges::lower_bound(bounds, seconds) - bounds.begin()];
    histogram.sum += seconds;
}

// The lines before the values of a metric.
static std::string head(const std::string& name, const char* type, const char* help) {
    return "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

static std::string single(const std::string& name, const char* type, const char* help, double value) {
    return head(name, type, help) + name + " " + formatted("%.17g", value) + "\n";
}

std::string Metrics::text(const Gauges& gauges) const {
    std::string all = head("kvmem_build_info", "gauge", "The version of the program.") +
                      "kvmem_build_info{version=\"" KVMEM_VERSION "\"} 1\n";
    all += head("kvmem_http_requests_total", "counter", "Replies by endpoint and status.");
    for (const auto& [key, count] : requests_)
        all += "kvmem_http_requests_total{endpoint=\"" + key.first + "\",code=\"" + std::to_string(key.second) +
               "\"} " + std::to_string(count) + "\n";
    const std::string name = "kvmem_http_request_duration_seconds";
    all += head(name, "histogram", "Time from a request's last byte to its reply.");
    for (const auto& [endpoint, histogram] : seconds_) {
        const std::string label = "{endpoint=\"" + endpoint + "\"";
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
            sum += histogram.counts[i];
            const std::string bound = i < bounds.size() ? formatted("%g", bounds[i]) : "+Inf";
            all += name;
            all += "_bucket" + label + ",le=\"" + bound + "\"} " + std::to_string(sum) + "\n";
        }
        all += name + "_sum" + label + "} " + formatted("%.9g", histogram.sum) + "\n";
        all += name + "_count" + label + "} " + std::to_string(sum) + "\n";
    }
    all += single("kvmem_requests_dropped_total", "counter", "Requests whose client left before they were computed.",
                  static_cast<double>(dropped_));
    all += single("kvmem_connections", "gauge", "Open connections.", static_cast<double>(gauges.connections));
    all +=
        single("kvmem_queue_length", "gauge", "Requests that wait for a worker.", static_cast<double>(gauges.waiting));
    all += single("kvmem_body_bytes", "gauge", "Bytes of requests in memory.", static_cast<double>(gauges.body_bytes));
    return all + single("kvmem_draining", "gauge", "1 while the server ends.", gauges.draining ? 1 : 0);
}

}  // namespace kvmem::apps
