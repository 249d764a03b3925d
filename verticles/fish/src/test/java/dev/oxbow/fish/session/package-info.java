/** Tests of the data plane, between network namespaces. */
@NullMarked
package dev.oxbow.fish.session;

import org.jspecify.annotations.NullMarked;
