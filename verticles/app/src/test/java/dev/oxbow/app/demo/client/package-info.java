/** Tests of the clients, against the origin. */
@NullMarked
package dev.oxbow.app.demo.client;

import org.jspecify.annotations.NullMarked;
