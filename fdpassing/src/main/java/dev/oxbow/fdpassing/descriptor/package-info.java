/**
 * Objects that own a descriptor. Each has exactly one owner at a time, and two ways to be made that
 * meet: open something and adopt its number, or adopt a number that another process has sent.
 */
@NullMarked
package dev.oxbow.fdpassing.descriptor;

import org.jspecify.annotations.NullMarked;
