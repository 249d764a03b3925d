/**
 * What tests of all modules share: a guard against leaked descriptors, conditions, and real socket
 * pairs with a peer that does what it is told. Published in the test-jar of this module.
 */
@NullMarked
package dev.oxbow.fdpassing.testing;

import org.jspecify.annotations.NullMarked;
