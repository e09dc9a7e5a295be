#include <signal.h>

#include "base/stop.h"
#include "base/threads.h"
#include "vs_test.h"

static void on_signal(int signal_number)
{
    (void)signal_number;
    vs_stop_request();
}

TEST(stop, is_wanted_from_a_signal_until_cleared)
{
    CHECK(!vs_stop_wanted());
    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
    raise(SIGUSR1);
    CHECK(vs_stop_wanted() && vs_stop_wanted());
    vs_stop_clear();
    CHECK(!vs_stop_wanted());
}

TEST(threads, are_all_cores_until_set_and_what_was_set_after)
{
    const size_t cores = vs_threads();

    CHECK(cores >= 1);
    vs_threads_set(3);
    CHECK(vs_threads() == 3);
    vs_threads_set(0);
    CHECK(vs_threads() == cores);
}
