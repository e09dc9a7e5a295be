#include <fcntl.h>
#include <unistd.h>

#include "base/progress.h"
#include "vs_test.h"

static char text[8192];

/* What the progress wrote to fp so far. */
static const char *written(FILE *fp)
{
    size_t n;

    fflush(fp);
    rewind(fp);
    n = fread(text, 1, sizeof text - 1, fp);
    text[n] = '\0';
    return text;
}

TEST(progress, is_silent_without_an_output)
{
    vs_progress_output(NULL);
    vs_progress_begin("sampling", "solutions", 0, 10);
    vs_progress_set(5);
    vs_progress_note("loss %.2f", 0.42);
    vs_say("hello");
    vs_progress_end();
}

TEST(progress, writes_plain_lines_to_a_file)
{
    FILE *fp = tmpfile();

    CHECK(fp);
    vs_progress_output(fp);
    vs_progress_begin("sampling", "solutions", 0, 10);
    for (size_t i = 1; i <= 10; i++) vs_progress_set(i);
    vs_say("round %d", 1);
    vs_progress_note("loss %.2f", 0.42);
    vs_progress_end();
    vs_progress_end();
    vs_progress_output(NULL);
    written(fp);
    CHECK(strncmp(text, "round 1\nsampling: 10 solutions in ", 34) == 0);
    CHECK(strstr(text, "loss 0.42\n") && !strchr(text, '\r') && !strchr(text, '\033'));
    fclose(fp);
}

TEST(progress, says_how_far_stopped_work_came)
{
    FILE *fp = tmpfile();

    CHECK(fp);
    vs_progress_output(fp);
    vs_progress_begin("training", "steps", 3, 10);
    vs_progress_set(7);
    vs_progress_end();
    vs_progress_output(NULL);
    CHECK(strncmp(written(fp), "training: 7 of 10 steps in ", 27) == 0);
    fclose(fp);
}

TEST(progress, draws_a_bar_on_a_terminal_and_says_lines_above_it)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    const char *name = NULL;
    FILE *fp = NULL;
    ssize_t n;

    if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0) name = ptsname(master);
    if (name) fp = fopen(name, "r+");
    if (!fp) {
        if (master >= 0) close(master);
        skip();
    }
    vs_progress_output(fp);
    vs_progress_begin("sampling", "solutions", 5, 10);
    vs_say("a note");
    vs_progress_set(10);
    vs_progress_end();
    vs_progress_output(NULL);
    fflush(fp);
    /* a terminal hands over what it has so far: read on until the last line is there */
    for (size_t len = 0; !len || !strstr(text, "solutions in ");) {
        n = read(master, text + len, sizeof text - 1 - len);
        CHECK(n > 0);
        len += (size_t)n;
        text[len] = '\0';
    }
    CHECK(strncmp(text, "\r\033[Ksampling  [==========>         ]  50 %  5/10 solutions", 57) == 0);
    CHECK(strstr(text, "\r\033[Ka note\r\n\r\033[Ksampling  ["));
    CHECK(strstr(text, "\r\033[Ksampling: 10 solutions in "));
    fclose(fp);
    close(master);
}
