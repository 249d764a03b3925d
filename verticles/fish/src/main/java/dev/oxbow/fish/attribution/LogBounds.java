package dev.oxbow.fish.attribution;

import java.nio.file.Path;

/**
 * Where the log is and how long it may grow.
 *
 * @param directory made when it is not there
 * @param fileBytes after which a new file begins
 * @param files that are kept at most, 2 or more
 * @param days that a file is kept at most after it was written last
 * @param destinations whether each connection is noted, with where it went
 */
public record LogBounds(Path directory, int fileBytes, int files, int days, boolean destinations) {}
