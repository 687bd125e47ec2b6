// The harness of a verilated machine: batches of cycles on request, over standard input and output.
//
// Everything is 64-bit words, least significant byte first. A request is its number and what follows it:
//
//   1 COMMAND  count, then count times (kind | address << 8, data)     answers 1 if all were taken, else 0
//   2 STATUS   count, then count addresses                            answers count words
//   3 STALLS   seed, input chance, output chance                      answers 0
//   4 ADVANCE  words, lanes, room, flags, cycles, then the words      answers stop, word shown, beats, running cycles,
//              flags: 1 to the next instruction that retires,           counted cycles, count, then count output words
//                     2 also while no program runs
//   5 SLOT     slot                                                   answers n words
//   6 TAG      slot                                                   answers bit 4 written, bits 0 to 3 the limb
//
// What they mean is documented at the trait `Circuit`, which src/ticked.rs implements in the same way, step by step.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "verilated.h"
#ifdef ADDAX_TRACE
#include "verilated_vcd_c.h"
#endif
// Here stand the classes VERILATED and ROOT, and what depends on the shape of the machine.
//@machine

namespace {

enum Stop : uint64_t { IDLE = 0, INPUT = 1, OUTPUT = 2, RETIRED = 3, CYCLES = 4 };

// SplitMix64, as src/random.rs.
struct Random {
    uint64_t state = 0;

    uint64_t next() {
        state += 0x9e3779b97f4a7c15u;
        uint64_t z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
};

// When streams wait, as StallClock in src/clocked.rs.
struct StallClock {
    uint64_t chances[2] = {0, 0};
    uint64_t waits[2] = {0, 0};
    Random random;

    void tick(bool waiting[2]) {
        waiting[0] = waiting[1] = false;
        if (chances[0] == 0 && chances[1] == 0) return;
        const uint64_t drawn = random.next();
        for (int stream = 0; stream < 2; ++stream) {
            const uint64_t bits = drawn >> (32 * stream);
            if (waits[stream] == 0 && (bits & 0xff) < chances[stream])
                waits[stream] = (bits >> 8 & 7) == 0 ? 1 + (bits >> 11 & 31) : 1;
            if (waits[stream] > 0) {
                --waits[stream];
                waiting[stream] = true;
            }
        }
    }
};

// Standard input has ended, as it does when the driver is gone.
struct Ended {};

uint64_t take() {
    uint64_t word;
    if (std::fread(&word, sizeof word, 1, stdin) != 1) throw Ended();
    return word;
}

void take(std::vector<uint64_t>& words) {
    if (!words.empty() && std::fread(words.data(), sizeof(uint64_t), words.size(), stdin) != words.size())
        throw Ended();
}

void give(uint64_t word) { std::fwrite(&word, sizeof word, 1, stdout); }

void give(const std::vector<uint64_t>& words) {
    if (!words.empty()) std::fwrite(words.data(), sizeof(uint64_t), words.size(), stdout);
}

class Simulation {
  public:
    explicit Simulation(const char* trace) {
        top = std::make_unique<VERILATED>(&context);
#ifdef ADDAX_TRACE
        if (trace != nullptr) {
            context.traceEverOn(true);
            waveform = std::make_unique<VerilatedVcdC>();
            top->trace(waveform.get(), 99);
            waveform->open(trace);
        }
#else
        (void)trace;
#endif
        top->clock = 0;
        top->eval();
    }

    ~Simulation() {
#ifdef ADDAX_TRACE
        if (waveform) waveform->close();
#endif
        top->final();
    }

    // Answers one request.
    void serve() {
        switch (take()) {
            case 1: command(); break;
            case 2: status(); break;
            case 3: stall_pattern(); break;
            case 4: advance(); break;
            case 5: slot(); break;
            case 6: give(addax_tag(top->rootp, take())); break;
            default: throw Ended();
        }
        std::fflush(stdout);
    }

  private:
    VerilatedContext context;
    std::unique_ptr<VERILATED> top;
    StallClock stalls;
    std::vector<uint64_t> words;
    std::vector<uint64_t> output;
#ifdef ADDAX_TRACE
    std::unique_ptr<VerilatedVcdC> waveform;
#endif

    // Propagates the inputs, the clock being low.
    void settle() {
        top->clock = 0;
        top->eval();
#ifdef ADDAX_TRACE
        if (waveform) waveform->dump(context.time());
#endif
        context.timeInc(5);
    }

    // The rising edge, after `settle`.
    void edge() {
        top->clock = 1;
        top->eval();
#ifdef ADDAX_TRACE
        if (waveform) waveform->dump(context.time());
#endif
        context.timeInc(5);
    }

    void rest() {
        top->input_valid = 0;
        top->output_ready = 0;
    }

    void command() {
        const uint64_t count = take();
        words.resize(2 * count);
        take(words);
        rest();
        bool all = true;
        for (uint64_t i = 0; i < count && all; ++i) {
            top->command_valid = 1;
            top->command_kind = words[2 * i] & 0xff;
            top->command_address = words[2 * i] >> 8;
            top->command_data = words[2 * i + 1];
            bool taken = false;
            for (int patience = 0; patience < ADDAX_COMMAND_CYCLES && !taken; ++patience) {
                settle();
                taken = top->command_ready;
                edge();
            }
            all = taken;
        }
        top->command_valid = 0;
        // A command acts in the cycle after the one in which it is taken.
        settle();
        edge();
        give(all);
    }

    void status() {
        words.resize(take());
        take(words);
        rest();
        for (uint64_t& word : words) {
            top->status_address = word;
            settle();
            edge();
            word = top->status_data;
        }
        give(words);
    }

    void stall_pattern() {
        stalls = StallClock();
        stalls.random.state = take();
        stalls.chances[0] = take();
        stalls.chances[1] = take();
        give(0);
    }

    void advance() {
        const uint64_t count = take(), lanes = take();
        uint64_t room = take();
        const uint64_t flags = take(), cycles = take();
        words.resize(count);
        take(words);
        output.clear();
        const uint64_t* beat = words.data();
        const uint64_t* const end = beat + count;
        uint64_t beats = 0, running_cycles = 0, counted = 0, stop = CYCLES, shown_word = 0;
        for (;;) {
            const bool running = top->running;
            if (!running && !top->output_valid && !(flags & 2)) {
                stop = IDLE;
                break;
            }
            if (counted == cycles) {
                stop = CYCLES;
                break;
            }
            bool waits[2];
            stalls.tick(waits);
            const bool present = static_cast<uint64_t>(end - beat) >= lanes;
            const bool offered = present && !waits[0];
            const bool ready = room > 0 && !waits[1];
            top->input_valid = offered;
            if (offered) addax_set_input(top.get(), beat, lanes);
            top->output_ready = ready;
            settle();
            const bool wanted = top->input_ready;
            const bool shown = top->output_valid;
            if (wanted && !present && !waits[0]) {
                stop = INPUT;
                break;
            }
            if (shown && room == 0 && !waits[1]) {
                stop = OUTPUT;
                shown_word = top->output_data;
                break;
            }
            if (shown && ready) {
                output.push_back(top->output_data);
                --room;
            }
            edge();
            running_cycles += running;
            counted += !waits[0] && !waits[1];
            if (wanted && offered) {
                beat += lanes;
                ++beats;
            }
            if ((flags & 1) && top->retired) {
                stop = RETIRED;
                break;
            }
        }
        give(stop);
        give(shown_word);
        give(beats);
        give(running_cycles);
        give(counted);
        give(output.size());
        give(output);
    }

    void slot() {
        const uint64_t slot = take();
        words.resize(ADDAX_BANKS * ADDAX_ROWS);
        for (uint64_t bank = 0; bank < ADDAX_BANKS; ++bank)
            for (uint64_t row = 0; row < ADDAX_ROWS; ++row)
                words[bank * ADDAX_ROWS + row] =
                    addax_memory(top->rootp, slot / 2, bank, (slot % 2) * ADDAX_ROWS + row);
        give(words);
    }
};

}  // namespace

int main(int argc, char** argv) {
    Simulation simulation(argc > 1 ? argv[1] : nullptr);
    try {
        for (;;) simulation.serve();
    } catch (const Ended&) {
        return 0;
    }
}
