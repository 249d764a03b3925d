/**
 * Who has which port toward which destination: tables in mapped files, and the search for a port
 * that is free. Only a proposal; the kernel decides.
 */
@NullMarked
package dev.oxbow.fish.ports;

import org.jspecify.annotations.NullMarked;
