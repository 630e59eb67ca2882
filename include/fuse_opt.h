/*
 * Parsing of command lines and of comma-separated mount options.
 *
 * Everything here exists since 3.0.
 *
 * Nothing here keeps hidden state: functions may run on several threads at once as long as they
 * work on different argument lists.
 *
 * SPDX-License-Identifier: LGPL-2.1-only
 */
#ifndef FUSE_OPT_H_
#define FUSE_OPT_H_

#ifdef __cplusplus
extern "C" {
#endif

/**
 * One row of the table that fuse_opt_parse() works by: which arguments match, and what to do then.
 *
 * An argument is compared with every row, and the action of each matching row is carried out.
 *
 * The template is one of
 *   "-x", "--name"     a whole argument; it may not be "--" nor begin with "-o"
 *   "name"             an element of a -o list
 *   "name=", "--name=" the same, followed by a parameter
 *   "-x "              an option whose parameter is attached ("-xparam") or the next argument
 *   any of the last two kinds followed by a scanf(3) conversion: "name=%s", "--name=%lu", "-x %s"
 *
 * The action is
 *   with a conversion   the parameter is converted and stored at `offset` in the user's data; for
 *                       %s a copy is allocated with malloc(3), which the user frees, and the
 *                       string that was there before is freed
 *   with `offset` -1U   the processing function is called with `value` as its key
 *   else                `value` is stored as an int at `offset`
 */
struct fuse_opt {
  /** What to match. NULL ends the table. */
  const char* templ;

  /** Where in the user's data to store, as from offsetof(), or -1U for the processing function. */
  unsigned long offset;

  /** What to store, or the key for the processing function; unused with a conversion. */
  int value;
};

/** A row that calls the processing function with `key`. */
#define FUSE_OPT_KEY(templ, key) \
  { templ, -1U, key }

/** The row that ends a table. */
#define FUSE_OPT_END \
  { NULL, 0, 0 }

/**
 * An argument list as main() gets it, which the functions below may grow and shrink.
 *
 * The first function that changes it copies the strings; from then on `allocated` is set and
 * fuse_opt_free_args() gives the memory back.
 */
struct fuse_args {
  /** Number of arguments, the program's name included. */
  int argc;

  /** The arguments, followed by NULL. */
  char** argv;

  /** Nonzero when `argv` and its strings belong to the list. */
  int allocated;
};

/** Initializes a struct fuse_args with arguments that stay the caller's. */
#define FUSE_ARGS_INIT(argc, argv) \
  { argc, argv, 0 }

/** Key for the processing function: no row matched this option. */
#define FUSE_OPT_KEY_OPT -1

/** Key for the processing function: not an option (no leading '-', or after "--"). */
#define FUSE_OPT_KEY_NONOPT -2

/** Key in a row: keep the argument, without asking the processing function. */
#define FUSE_OPT_KEY_KEEP -3

/** Key in a row: drop the argument, without asking the processing function. */
#define FUSE_OPT_KEY_DISCARD -4

/**
 * Decides about one argument for fuse_opt_parse().
 *
 * @param data    the pointer given to fuse_opt_parse()
 * @param arg     the argument with its parameter; "-x param" arrives as "-xparam", and an element
 *                of a -o list without its "-o"; valid during the call only
 * @param key     the row's key, FUSE_OPT_KEY_OPT or FUSE_OPT_KEY_NONOPT
 * @param outargs the list of arguments kept so far, to which more may be added
 * @return 1 to keep the argument, 0 to drop it, -1 to end parsing as an error (the function is
 *         expected to have told the user what is wrong)
 */
typedef int (*fuse_opt_proc_t)(void* data, const char* arg, int key, struct fuse_args* outargs);

/**
 * Goes through an argument list, acts on what a table names, and leaves in the list what was kept.
 *
 * The program's name is not looked at. Elements of -o lists that are kept come back as one -o
 * argument in front. A comma inside an element is written "\,", and a backslash before any other
 * character stands for that character.
 *
 * @param args arguments in and out; NULL stands for an empty list
 * @param data passed to `proc`, and what the rows' offsets are relative to
 * @param opts the table; NULL stands for an empty one
 * @param proc called as the table says; NULL keeps everything
 * @return 0, or -1 after a message to the log; `args` is then unchanged
 */
int fuse_opt_parse(struct fuse_args* args, void* data, const struct fuse_opt opts[],
                   fuse_opt_proc_t proc);

/**
 * Appends one element to a comma-separated list.
 *
 * @param opts address of the list: NULL, or a string from malloc(3), which is replaced
 * @param opt  the element, taken literally
 * @return 0, or -1 without memory, the list being as before
 */
int fuse_opt_add_opt(char** opts, const char* opt);

/**
 * Appends one element to a comma-separated list, with a backslash before each comma and backslash
 * in it. Otherwise like fuse_opt_add_opt().
 */
int fuse_opt_add_opt_escaped(char** opts, const char* opt);

/**
 * Appends a copy of one argument to a list.
 *
 * @return 0, or -1 without memory, the list being as before
 */
int fuse_opt_add_arg(struct fuse_args* args, const char* arg);

/**
 * Inserts a copy of one argument so that it becomes `args->argv[pos]`.
 *
 * @param pos 0 to args->argc; 1 is the place for options that must stand before "--"
 * @return 0, or -1 without memory or for a position outside the list, the list being as before
 */
int fuse_opt_insert_arg(struct fuse_args* args, int pos, const char* arg);

/**
 * Frees what the list owns and makes it empty. The structure itself stays the caller's; a list that
 * owns nothing is only emptied.
 */
void fuse_opt_free_args(struct fuse_args* args);

/**
 * Tells whether one argument, or one element of a -o list without its "-o", matches a table.
 *
 * @return 1 or 0
 */
int fuse_opt_match(const struct fuse_opt opts[], const char* opt);

#ifdef __cplusplus
}
#endif

#endif /* FUSE_OPT_H_ */
