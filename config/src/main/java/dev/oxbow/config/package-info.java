/**
 * Configuration: options for those who embed, and the YAML file that fills them for {@code oxbow
 * run}.
 *
 * <h2>Theory of operation</h2>
 *
 * <p>The goal is that a wrong file never half works: whoever starts Oxbow with one is told every
 * mistake at once, each with its key, its line and what would be right, and nothing starts.
 *
 * <p>There is one source, {@code oxbow.schema.json} (JSON Schema 2020-12). It holds every key with
 * its type, bounds, default and meaning. The annotated {@code oxbow.yaml}, the tables of {@code
 * docs/configuration.md} and the constants of the options are compared with it by tests, so none of
 * them can lag behind.
 *
 * <p>A file goes through four steps:
 *
 * <ol>
 *   <li>{@link dev.oxbow.config.YamlDocument} composes it with SnakeYAML to nodes, which know their
 *       lines, and these to JSON. Nothing is constructed from YAML tags. Where the schema wants
 *       text the characters of the file are taken as they stand, because YAML 1.1 would read {@code
 *       0660} as the number 432.
 *   <li>vertx-json-schema judges the JSON. It alone decides what is right.
 *   <li>{@link dev.oxbow.config.SchemaJudge} turns its errors to sentences, with the words of the
 *       schema node that was violated and the line of the YAML node that violated it.
 *   <li>{@link dev.oxbow.config.OxbowOptions} is filled from the JSON.
 * </ol>
 *
 * <p>The options check their bounds again, because people who embed fill them without a file.
 *
 * <p>Not done on purpose: no merging of several files, no environment variables, no includes, no
 * anchors and aliases. What is in the file is what holds.
 */
@NullMarked
package dev.oxbow.config;

import org.jspecify.annotations.NullMarked;
