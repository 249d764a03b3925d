/** The rules of the house as tests: which class may know which, and how a source file looks. */
@NullMarked
package dev.oxbow.it.architecture;

import org.jspecify.annotations.NullMarked;
