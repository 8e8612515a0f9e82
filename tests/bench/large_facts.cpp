// Writes a knowledge base of films with questions about it, in MetaQA's layout and of any size. The same arguments give
// the same bytes.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Number = std::uint64_t;

constexpr Number facts_of_a_film = 8, held_out_at_most = 10000;

// Mixes numbers to one that looks random (SplitMix64).
Number mixed(Number a, Number b) {
    Number x = (a + 1) * 0x9e3779b97f4a7c15u + (b + 1) * 0xd1b54a32d192ed03u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

// Another word of three syllables for each number below 512,000.
std::string word(Number number) {
    constexpr std::string_view consonants = "bdfghjklmnprstvz", vowels = "aeiou";
    number = number * 217'931 % 512'000;
    std::string text;
    for (int syllable = 0; syllable < 3; ++syllable, number /= 80) {
        text += consonants[number % 80 / 5];
        text += vowels[number % 5];
    }
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}

// Names of two words; the words of people are none of films.
std::string film(Number i) { return word(200'000 + i % 3000) + " " + word(210'000 + i / 3000); }
std::string person(Number i) { return word(i % 3000) + " " + word(10'000 + i / 3000); }

struct Relation {
    const char* name;
    std::array<const char*, 4> forward, reverse;  // phrasings; nobody asks for all films of a year
};
constexpr std::array<Relation, 6> relations{{
    {"directed_by",
     {"who directed []", "who is the director of []", "who was [] directed by", "the movie [] had which director"},
     {"which movies did [] direct", "[] was the director of what films", "what films were directed by []",
      "name a movie that [] directed"}},
    {"written_by",
     {"who wrote []", "who is the writer of []", "which person wrote the script of []", "[] was written by whom"},
     {"which movies did [] write", "[] is the author of what films", "what was written by []",
      "the screenplays of which films are by []"}},
    {"starred_actors",
     {"who acted in []", "who are the actors in []", "the film [] starred who", "which people appear in []"},
     {"what movies did [] act in", "[] appears in which films", "which films starred []", "what did [] star in"}},
    {"release_year",
     {"when was [] released", "what year did [] come out", "what was the release year of []", "[] is from which year"},
     {}},
    {"has_genre",
     {"what genre is []", "what kind of film is []", "[] is what type of movie", "which genre does [] belong to"},
     {}},
    {"in_language",
     {"what language is [] in", "which language is spoken in []", "[] is in what language", "what do they speak in []"},
     {}},
}};

struct Fact {
    Number film, object;  // a person, or for other relations a number of their own
    bool operator<(const Fact& other) const { return std::pair(object, film) < std::pair(other.object, other.film); }
    bool operator==(const Fact&) const = default;
};

std::string object_name(std::size_t relation, Number object) {
    if (relation < 3) return person(object);
    return relation == 3 ? std::to_string(1900 + object) : word((relation == 4 ? 300'000 : 310'000) + object);
}

Number draw(std::size_t relation, Number films, Number of, Number salt) {
    constexpr std::array<Number, 6> kinds{0, 0, 0, 120, 25, 40};
    return mixed(of, 10 * relation + salt) % (relation < 3 ? films : kinds[relation]);
}

// The facts of a relation, by film.
std::vector<Fact> facts_of(std::size_t relation, Number films) {
    std::vector<Fact> facts;
    for (Number of = 0; of < films; ++of)
        for (Number salt = 0; salt < (relation == 2 ? facts_of_a_film - 5 : 1); ++salt) {
            const Fact fact{of, draw(relation, films, of, salt)};
            if (facts.empty() || std::find(facts.end() - static_cast<std::ptrdiff_t>(std::min(salt, facts.size())),
                                           facts.end(), fact) == facts.end())
                facts.push_back(fact);
        }
    return facts;
}

// Asks about every key as often as the others, or about as many as are wanted.
class Questions {
  public:
    Questions(const std::filesystem::path& folder, Number keys, Number wanted)
        : keys_(keys),
          wanted_(wanted),
          train_(folder / "train.txt"),
          valid_(folder / "valid.txt"),
          test_(folder / "test.txt") {}

    void ask(const std::array<const char*, 4>& phrasings, const std::string& name, const std::string& answers) {
        const Number first = wanted_ * key_ / keys_, last = wanted_ * (key_ + 1) / keys_;
        for (Number i = first; i < last; ++i) {
            std::string text = phrasings[(mixed(key_, 7) + i - first) % 4];
            text.replace(text.find("[]"), 2, "[" + name + "]");
            split(i) << text << '\t' << answers << '\n';
        }
        ++key_;
    }

  private:
    std::ostream& split(Number question) {
        const Number held_out = std::min(held_out_at_most, wanted_ / 20), drawn = mixed(question, 8) % wanted_;
        return drawn < held_out ? valid_ : drawn < 2 * held_out ? test_ : train_;
    }

    Number keys_, wanted_, key_ = 0;
    std::ofstream train_, valid_, test_;
};

// Calls visit(first, last) for runs of facts that have the key in common.
template <class Key, class Visit>
void for_each_run(const std::vector<Fact>& facts, Key key, Visit visit) {
    for (auto first = facts.begin(); first != facts.end();) {
        const auto last = std::find_if(first, facts.end(), [&](const Fact& f) { return f.*key != (*first).*key; });
        visit(first, last);
        first = last;
    }
}

Number count_keys(const std::vector<Fact>& facts, Number Fact::*key) {
    Number count = 0;
    for_each_run(facts, key, [&](auto, auto) { ++count; });
    return count;
}

template <class Name>
std::string joined(auto first, auto last, Name name) {
    std::string text;
    for (; first != last; ++first) text += (text.empty() ? "" : "|") + name(*first);
    return text;
}

void write(const std::filesystem::path& folder, Number wanted_facts, Number wanted_questions) {
    const Number films = std::max<Number>(wanted_facts / facts_of_a_film, 10);
    std::ofstream kb(folder / "kb.txt");
    std::vector<std::vector<Fact>> forward, reverse;
    Number keys = 0;
    for (std::size_t r = 0; r < relations.size(); ++r) {
        forward.push_back(facts_of(r, films));
        for (const Fact& fact : forward[r])
            kb << film(fact.film) << '|' << relations[r].name << '|' << object_name(r, fact.object) << '\n';
        reverse.push_back(r < 3 ? forward[r] : std::vector<Fact>());
        std::sort(reverse[r].begin(), reverse[r].end());
        keys += count_keys(forward[r], &Fact::film) + count_keys(reverse[r], &Fact::object);
    }
    Questions questions(folder, keys, wanted_questions);
    for (std::size_t r = 0; r < relations.size(); ++r) {
        for_each_run(forward[r], &Fact::film, [&](auto first, auto last) {
            questions.ask(relations[r].forward, film(first->film),
                          joined(first, last, [&](const Fact& f) { return object_name(r, f.object); }));
        });
        for_each_run(reverse[r], &Fact::object, [&](auto first, auto last) {
            questions.ask(relations[r].reverse, person(first->object),
                          joined(first, last, [](const Fact& f) { return film(f.film); }));
        });
    }
    if (!kb.flush()) throw std::runtime_error("cannot write " + folder.string());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3 && argc != 4) {
        std::cerr << "usage: large_facts FOLDER FACTS [QUESTIONS]\n";
        return 2;
    }
    try {
        std::filesystem::create_directories(argv[1]);
        const Number facts = std::stoull(argv[2]);
        write(argv[1], facts, argc == 4 ? std::stoull(argv[3]) : facts);
    } catch (const std::exception& e) {
        std::cerr << "large_facts: " << e.what() << '\n';
        return 1;
    }
}
