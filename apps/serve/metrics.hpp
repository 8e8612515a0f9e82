// Counts of requests, in the text format of Prometheus. One thread uses it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace kvmem::apps {

class Metrics {
  public:
    // Counts a reply of an endpoint ("none" for a request that reached none), with the seconds that it took.
    void count(const std::string& endpoint, int status, double seconds);
    void count_dropped() { ++dropped_; }  // a request whose client closed the connection before it was computed

    // What holds at the moment.
    struct Gauges {
        std::size_t connections, waiting, body_bytes;
        bool draining;
    };
    std::string text(const Gauges& gauges) const;

  private:
    static constexpr std::array bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0};
    struct Histogram {
        std::array<std::uint64_t, bounds.size() + 1> counts{};
        double sum = 0;
    };
    std::map<std::pair<std::string, int>, std::uint64_t> requests_;
    std::map<std::string, Histogram> seconds_;
    std::uint64_t dropped_ = 0;
};

}  // namespace kvmem::apps
