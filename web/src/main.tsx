/** Puts the page into its place. */

import { render } from "preact";

import { App } from "./app";
import "./style/page.css";
import "./style/controls.css";
import "./style/answer.css";
import "./style/drawing.css";

const place = document.getElementById("page");
if (place) render(<App />, place);
