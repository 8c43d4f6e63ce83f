import { Moon, Sun } from "lucide-react";
import { IconButton } from "./Button";
import { useTheme } from "./theme";

interface ThemeSwitchProps {
  daylight?: string;
  dark?: string;
}

/** Turns the house lights on and off. */
export function ThemeSwitch({ daylight = "Daylight", dark = "Dark house" }: ThemeSwitchProps) {
  const { theme, turn } = useTheme();
  return (
    <IconButton label={theme === "dark" ? daylight : dark} onClick={turn}>
      {theme === "dark" ? <Sun aria-hidden /> : <Moon aria-hidden />}
    </IconButton>
  );
}
