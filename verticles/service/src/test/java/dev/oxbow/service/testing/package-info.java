/**
 * What tests of all services share: a client that knows of the control protocol only, a service in
 * a directory of its own, and descriptors of every kind. Published in the test-jar of this module.
 */
@NullMarked
package dev.oxbow.service.testing;

import org.jspecify.annotations.NullMarked;
