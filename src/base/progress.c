#include "base/progress.h"
#include "base/clock.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_CELLS = 20, LINE_BYTES = 512, DEFAULT_COLUMNS = 80 };
static const double REDRAW_S = 0.1; /* on a terminal */
static const double LINE_S = 5.0;   /* elsewhere */

/* One bar, used by the thread that runs the work. */
static struct {
    FILE *out;
    bool is_tty, is_active;
    char label[80], unit[32], note[80];
    size_t begun_at, done, total;
    double begun_s, shown_s;
} bar;

void vs_progress_output(FILE *out)
{
    bar.out = out;
    bar.is_tty = out && isatty(fileno(out));
    bar.is_active = false;
}

/* A line under construction; what does not fit is cut. */
typedef struct line {
    char text[LINE_BYTES];
    size_t len;
} line;

__attribute__((format(printf, 2, 3))) static void put(line *l, const char *format, ...)
{
    const size_t room = sizeof l->text - l->len;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(l->text + l->len, room, format, args);
    va_end(args);
    if (n > 0) l->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void put_rate(line *l, double per_s)
{
    if (per_s >= 10.0)
        put(l, "%.0f/s", per_s);
    else if (per_s >= 0.1)
        put(l, "%.1f/s", per_s);
    else
        put(l, "%.1f/min", per_s * 60.0);
}

static void put_duration(line *l, double s)
{
    const unsigned long long t = s < 1e9 ? (unsigned long long)s : 1000000000u;

    if (t >= 3600)
        put(l, "%llu:%02llu:%02llu", t / 3600, t / 60 % 60, t % 60);
    else
        put(l, "%llu:%02llu", t / 60, t % 60);
}

static void put_bar(line *l)
{
    const double part = bar.done < bar.total ? (double)bar.done / (double)bar.total : 1.0;
    const int filled = (int)(part * BAR_CELLS);

    if (bar.is_tty) {
        put(l, "  [");
        for (int i = 0; i < BAR_CELLS; i++)
            put(l, "%c", i < filled ? '=' : i == filled ? '>' : ' ');
        put(l, "]");
    }
    put(l, "  %d %%", (int)(part * 100.0));
}

/* label  [=====>    ]  37 %  1234/3333 solutions  512/s  0:12 left  note */
static void compose(line *l, double now)
{
    const double spent = now - bar.begun_s;
    const double rate =
        spent > 0.0 && bar.done > bar.begun_at ? (double)(bar.done - bar.begun_at) / spent : 0.0;

    put(l, "%s", bar.label);
    if (bar.total) {
        put_bar(l);
        put(l, "  %zu/%zu %s", bar.done, bar.total, bar.unit);
    } else {
        put(l, "  %zu %s", bar.done, bar.unit);
    }
    if (rate > 0.0) {
        put(l, "  ");
        put_rate(l, rate);
        if (bar.done < bar.total) {
            put(l, "  ");
            put_duration(l, (double)(bar.total - bar.done) / rate);
            put(l, " left");
        }
    }
    if (bar.note[0]) put(l, "  %s", bar.note);
}

static size_t terminal_columns(void)
{
    struct winsize size;

    if (ioctl(fileno(bar.out), TIOCGWINSZ, &size) == 0 && size.ws_col > 1) return size.ws_col;
    return DEFAULT_COLUMNS;
}

static void draw(double now)
{
    line l = {.len = 0};

    compose(&l, now);
    if (bar.is_tty) {
        /* A line that wraps could not be redrawn in place. UTF-8 is not cut inside a character. */
        const size_t room = terminal_columns() - 1;
        if (l.len > room) {
            l.len = room;
            while (l.len > 0 && ((unsigned char)l.text[l.len] & 0xC0) == 0x80) l.len--;
            l.text[l.len] = '\0';
        }
        fprintf(bar.out, "\r\033[K%s", l.text);
    } else {
        fprintf(bar.out, "%s\n", l.text);
    }
    fflush(bar.out);
    bar.shown_s = now;
}

static void clear_line(void)
{
    if (bar.is_active && bar.is_tty) fputs("\r\033[K", bar.out);
}

void vs_progress_begin(const char *label, const char *unit, size_t done, size_t total)
{
    if (!bar.out) return;
    clear_line(); /* of a bar whose work ended without vs_progress_end */
    snprintf(bar.label, sizeof bar.label, "%s", label);
    snprintf(bar.unit, sizeof bar.unit, "%s", unit);
    bar.note[0] = '\0';
    bar.begun_at = bar.done = done;
    bar.total = total;
    bar.begun_s = bar.shown_s = vs_now_s();
    bar.is_active = true;
    if (bar.is_tty) draw(bar.begun_s);
}

void vs_progress_set(size_t done)
{
    double now;

    if (!bar.is_active) return;
    bar.done = done;
    now = vs_now_s();
    if (now - bar.shown_s >= (bar.is_tty ? REDRAW_S : LINE_S)) draw(now);
}

void vs_progress_note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(bar.note, sizeof bar.note, format, args);
    va_end(args);
}

void vs_progress_end(void)
{
    double spent;
    line l = {.len = 0};

    if (!bar.is_active) return;
    spent = vs_now_s() - bar.begun_s;
    put(&l, "%s: %zu", bar.label, bar.done);
    if (bar.done != bar.total && bar.total) put(&l, " of %zu", bar.total);
    put(&l, " %s in %.1f s", bar.unit, spent);
    if (spent > 0.0 && bar.done > bar.begun_at) {
        put(&l, " (");
        put_rate(&l, (double)(bar.done - bar.begun_at) / spent);
        put(&l, ")");
    }
    if (bar.note[0]) put(&l, "  %s", bar.note);
    clear_line();
    fprintf(bar.out, "%s\n", l.text);
    fflush(bar.out);
    bar.is_active = false;
}

void vs_say(const char *format, ...)
{
    va_list args;

    if (!bar.out) return;
    clear_line();
    va_start(args, format);
    vfprintf(bar.out, format, args);
    va_end(args);
    fputc('\n', bar.out);
    if (bar.is_active && bar.is_tty) draw(vs_now_s());
    fflush(bar.out);
}
